package plugin

import (
	"context"
	"errors"

	goplugin "github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"

	"github.com/atedb/atedb/sdk/storage"
)

// Handshake is what a plugin and its host must agree on before they talk. The
// cookie is no secret: it tells a user who runs a plugin by hand that this
// leads nowhere.
var Handshake = goplugin.HandshakeConfig{
	ProtocolVersion:  1,
	MagicCookieKey:   "ATEDB_PLUGIN",
	MagicCookieValue: "8b0d0f3e6c9f4ad8a1d1b5a5f0f3f1f6",
}

// MaxMessage is the largest gRPC message either side sends or takes, in bytes:
// the largest append of the storage contract and what is around it.
const MaxMessage = storage.MaxAppend + 1<<20

// streamWindow and connWindow are how many bytes a sender may be ahead of its
// receiver on one stream and on all together.
const (
	streamWindow = 1 << 20
	connWindow   = 4 << 20
)

// HostPlugins returns the plugin set for the go-plugin client of a host. It is
// there for go-plugin to negotiate the version with; the host makes its
// clients on the connection itself.
func HostPlugins() goplugin.PluginSet { return goplugin.PluginSet{pluginName: grpcPlugin{}} }

// HostDialOptions returns the options for a host's connection to a plugin.
func HostDialOptions() []grpc.DialOption {
	return []grpc.DialOption{
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(MaxMessage), grpc.MaxCallSendMsgSize(MaxMessage), grpc.ForceCodecV2(newCodec())),
		grpc.WithInitialWindowSize(streamWindow),
		grpc.WithInitialConnWindowSize(connWindow),
	}
}

func serverOptions() []grpc.ServerOption {
	return []grpc.ServerOption{
		grpc.MaxRecvMsgSize(MaxMessage), grpc.MaxSendMsgSize(MaxMessage), grpc.ForceServerCodecV2(newCodec()),
		grpc.InitialWindowSize(streamWindow),
		grpc.InitialConnWindowSize(connWindow),
	}
}

const pluginName = "atedb"

// grpcPlugin registers everything that a plugin's process serves.
type grpcPlugin struct {
	goplugin.NetRPCUnsupportedPlugin
	register func(*grpc.Server) error // nil at the host
}

func (p grpcPlugin) GRPCServer(_ *goplugin.GRPCBroker, s *grpc.Server) error { return p.register(s) }

func (p grpcPlugin) GRPCClient(context.Context, *goplugin.GRPCBroker, *grpc.ClientConn) (any, error) {
	return nil, errors.New("a host uses the connection itself")
}
