package plugin

import (
	"context"

	"github.com/hashicorp/go-hclog"
	"google.golang.org/grpc"

	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/fault/faultrpc"
	"github.com/atedb/atedb/sdk/plugin/pluginpb"
)

// Client is the host's side of a plugin's life. Each method is one call, which
// ctx bounds; errors are faults, unavailable if the plugin does not answer.
type Client struct{ rpc pluginpb.LifecycleClient }

// NewClient returns a client of the plugin at the other end of cc.
func NewClient(cc grpc.ClientConnInterface) *Client {
	return &Client{rpc: pluginpb.NewLifecycleClient(cc)}
}

// Info is what a plugin says of itself.
type Info struct {
	Name      string
	Version   string
	Contracts map[string]uint32 // the version it serves of each kind
}

// maxInfoText bounds a plugin's name and version, in bytes.
const maxInfoText = 128

// Info asks the plugin what it is.
func (c *Client) Info(ctx context.Context) (Info, error) {
	reply, err := c.rpc.Info(ctx, &pluginpb.InfoRequest{})
	if err != nil {
		return Info{}, faultrpc.FromStatus(err)
	}
	if len(reply.Name) > maxInfoText || len(reply.Version) > maxInfoText {
		return Info{}, fault.New(fault.BadMessage, "the plugin's name or version is longer than %d bytes", maxInfoText)
	}
	info := Info{Name: reply.Name, Version: reply.Version, Contracts: make(map[string]uint32)}
	for _, contract := range reply.Contracts {
		info.Contracts[contract.Kind] = contract.Version
	}
	return info, nil
}

// Validate has the plugin check a configuration.
func (c *Client) Validate(ctx context.Context, config []byte) error {
	_, err := c.rpc.Validate(ctx, &pluginpb.ValidateRequest{Config: config})
	return faultrpc.FromStatus(err)
}

// Configure gives the plugin its setup, of which it makes its own logger, and
// returns once it is ready.
func (c *Client) Configure(ctx context.Context, s Setup) error {
	_, err := c.rpc.Configure(ctx, &pluginpb.ConfigureRequest{
		Config: s.Config, DataDir: s.DataDir,
		Dns: &pluginpb.Dns{Server: s.DNS.Server, Secure: s.DNS.Secure, Anchors: s.DNS.Anchors},
	})
	return faultrpc.FromStatus(err)
}

// Health returns what the plugin says is wrong with it; "" for nothing.
func (c *Client) Health(ctx context.Context) (problem string, err error) {
	reply, err := c.rpc.Health(ctx, &pluginpb.HealthRequest{})
	return reply.GetProblem(), faultrpc.FromStatus(err)
}

// SetLogLevel sets the level of the plugin's log.
func (c *Client) SetLogLevel(ctx context.Context, level hclog.Level) error {
	_, err := c.rpc.SetLogLevel(ctx, &pluginpb.SetLogLevelRequest{Level: level.String()})
	return faultrpc.FromStatus(err)
}

// Shutdown has the plugin finish and end.
func (c *Client) Shutdown(ctx context.Context) error {
	_, err := c.rpc.Shutdown(ctx, &pluginpb.ShutdownRequest{})
	return faultrpc.FromStatus(err)
}
