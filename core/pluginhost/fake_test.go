package pluginhost

import (
	"context"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	goplugin "github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"

	"github.com/atedb/atedb/sdk/auth"
	"github.com/atedb/atedb/sdk/compaction"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/plugin"
	"github.com/atedb/atedb/sdk/plugin/pluginpb"
	"github.com/atedb/atedb/sdk/trust"
)

// TestMain runs this program as a plugin when it is called by a plugin's name,
// and as a daemon when the environment says so.
func TestMain(m *testing.M) {
	program := filepath.Base(os.Args[0])
	switch id, isPlugin := strings.CutPrefix(program, programPrefix); {
	case isPlugin:
		_, name, _ := strings.Cut(id, "-")
		runFake(name)
	case os.Getenv("TEST_HOST_PLUGINS") != "":
		runFakeDaemon(os.Getenv("TEST_HOST_PLUGINS"))
	default:
		os.Exit(m.Run())
	}
}

// runFake is the main function of a plugin that misbehaves as its name says.
func runFake(name string) {
	fake := &fakePlugin{}
	served := plugin.Plugin{Name: name, Version: "1.2.3", Lifecycle: fake, Auth: fake, Trust: fakeValidator{}, Compaction: fake}
	switch name {
	case "exits":
		fmt.Fprintln(os.Stderr, "there is no licence")
		os.Exit(3)
	case "prints":
		fmt.Println("hello, world")
	case "silent":
		select {}
	case "trusting":
		served.Auth = nil
	case "chatty":
		fake.chatty = true
	case "future":
		serveByHand(1, map[string]uint32{plugin.KindAuth: auth.Version + 1})
		return
	case "protocol":
		serveByHand(9, nil)
		return
	}
	plugin.Serve(served)
}

// fakePlugin does as its configuration and the names of chains say.
type fakePlugin struct {
	chatty bool
	setup  plugin.Setup
	config struct {
		Hang      bool   `json:"hang"`
		ExitWhile string `json:"exit_while"` // Configure exits while this file is there
		Marker    string `json:"marker"`     // Shutdown makes this file
		SickWhile string `json:"sick_while"` // Health complains while this file is there
	}
}

func (f *fakePlugin) Validate(config []byte) error { return plugin.DecodeConfig(config, &f.config) }

func (f *fakePlugin) Configure(ctx context.Context, s plugin.Setup) error {
	f.setup = s
	if err := f.Validate(s.Config); err != nil {
		return err
	}
	if f.config.Hang {
		select {} // does not even look at ctx
	}
	if _, err := os.Stat(f.config.ExitWhile); err == nil {
		os.Exit(4)
	}
	if f.chatty {
		fmt.Println("on standard output")
		fmt.Fprintln(os.Stderr, "on standard error")
		os.NewFile(2, "").WriteString("{\"@message\": 3}\n" + strings.Repeat("x", 2*maxLine) + "\n")
		s.Logger.Info("through the logger", "number", 7)
		s.Logger.Debug("at debug level")
	}
	return nil
}

func (f *fakePlugin) Health(context.Context) error {
	if _, err := os.Stat(f.config.SickWhile); err == nil {
		return fault.New(fault.Unavailable, "a fever")
	}
	return nil
}

func (f *fakePlugin) Shutdown(context.Context) error {
	if f.config.Marker == "" {
		return nil
	}
	return os.WriteFile(f.config.Marker, nil, 0o600)
}

// Resolve grants every chain to a key that spells the process's id and what it
// was told at the start.
func (f *fakePlugin) Resolve(ctx context.Context, q auth.Query) (auth.Answer, error) {
	switch q.Chain.DB() {
	case "stuck":
		<-ctx.Done()
		return auth.Answer{}, ctx.Err()
	case "panic":
		panic("the resolver met an impossible owner")
	case "away":
		return auth.Answer{}, fault.New(fault.Unavailable, "the directory is away")
	case "log":
		f.setup.Logger.Debug("at debug level")
	}
	return auth.Answer{RootKeys: [][]byte{
		[]byte(strconv.Itoa(os.Getpid())), []byte(f.setup.DataDir), []byte("env " + os.Getenv("TEST_SECRET")),
	}}, nil
}

// fakeValidator accepts no proof.
type fakeValidator struct{}

func (fakeValidator) Rules(context.Context) (trust.Rules, error) {
	return trust.Rules{UsesAuth: true, DefaultWireEncryption: 128}, nil
}

func (fakeValidator) VerifyProof(context.Context, trust.Proof) error {
	return fault.New(fault.NotAuthorized, "not the key")
}

func (fakeValidator) ValidateBatches(_ context.Context, _ event.ChainID, batches []trust.Batch) ([]trust.Verdict, error) {
	return make([]trust.Verdict, len(batches)), nil
}

func (f *fakePlugin) Plan(_ context.Context, _ compaction.Chain, events iter.Seq2[compaction.Event, error], cast func(event.Seq, compaction.Vote)) error {
	for e, err := range events {
		if err != nil {
			return err
		}
		cast(e.Seq, compaction.Drop)
	}
	return nil
}

// handMade is a plugin that says what it likes of its contracts.
type handMade struct {
	goplugin.NetRPCUnsupportedPlugin
	pluginpb.UnimplementedLifecycleServer
	contracts map[string]uint32
}

func serveByHand(protocol uint, contracts map[string]uint32) {
	handshake := plugin.Handshake
	handshake.ProtocolVersion = protocol
	goplugin.Serve(&goplugin.ServeConfig{
		HandshakeConfig: handshake,
		Plugins:         goplugin.PluginSet{"x": &handMade{contracts: contracts}},
		GRPCServer:      goplugin.DefaultGRPCServer,
	})
}

func (p *handMade) GRPCServer(_ *goplugin.GRPCBroker, s *grpc.Server) error {
	pluginpb.RegisterLifecycleServer(s, p)
	return nil
}

func (p *handMade) GRPCClient(context.Context, *goplugin.GRPCBroker, *grpc.ClientConn) (any, error) {
	return nil, nil
}

func (p *handMade) Info(context.Context, *pluginpb.InfoRequest) (*pluginpb.InfoReply, error) {
	reply := &pluginpb.InfoReply{Name: "future", Version: "9"}
	for kind, version := range p.contracts {
		reply.Contracts = append(reply.Contracts, &pluginpb.Contract{Kind: kind, Version: version})
	}
	return reply, nil
}
