package plugin

import (
	"context"
	"errors"
	"net"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/test/bufconn"

	"github.com/atedb/atedb/sdk/auth"
	"github.com/atedb/atedb/sdk/fault"
)

// resolver is a plugin that counts what is done to it.
type resolver struct {
	setup    Setup
	problem  error
	shutdown bool
}

func (r *resolver) Validate(config []byte) error {
	return DecodeConfig(config, &struct {
		File string `json:"file"`
	}{})
}

func (r *resolver) Configure(_ context.Context, s Setup) error {
	r.setup = s
	return r.Validate(s.Config)
}

func (r *resolver) Health(context.Context) error { return r.problem }

func (r *resolver) Shutdown(context.Context) error { r.shutdown = true; return nil }

func (r *resolver) Resolve(context.Context, auth.Query) (auth.Answer, error) {
	return auth.Answer{TTL: time.Second}, nil
}

// connect serves p in this process.
func connect(t *testing.T, p Plugin) (*server, *grpc.ClientConn) {
	t.Helper()
	if err := p.check(); err != nil {
		t.Fatal(err)
	}
	s := &server{plugin: p, log: hclog.NewNullLogger()}
	g := s.newGRPC(nil)
	if err := s.register(g); err != nil {
		t.Fatal(err)
	}
	listener := bufconn.Listen(1 << 16)
	served := make(chan error, 1)
	go func() { served <- g.Serve(listener) }()
	cc, err := grpc.NewClient("passthrough:plugin", append(HostDialOptions(),
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cc.Close()
		g.Stop()
		if err := <-served; err != nil && !errors.Is(err, grpc.ErrServerStopped) {
			t.Error(err)
		}
	})
	return s, cc
}

func wantCode(t *testing.T, err error, code fault.Code) {
	t.Helper()
	if fault.CodeOf(err) != code {
		t.Errorf("got %v, want code %q", err, code)
	}
}

func TestLifeOfAPlugin(t *testing.T) {
	r := &resolver{}
	_, cc := connect(t, Plugin{Name: "mine", Version: "7", Lifecycle: r, Auth: r})
	life, ask, ctx := NewClient(cc), auth.NewClient(cc), t.Context()
	info, err := life.Info(ctx)
	if err != nil || info.Name != "mine" || info.Version != "7" || len(info.Contracts) != 1 || info.Contracts[KindAuth] != auth.Version {
		t.Errorf("info is %+v, %v", info, err)
	}
	_, err = ask.Resolve(ctx, auth.Query{Chain: "group/db"})
	wantCode(t, err, fault.BadRequest)
	wantCode(t, life.Validate(ctx, []byte(`{"fill": 1}`)), fault.BadConfig)
	wantCode(t, life.Validate(ctx, nil), "")
	r.problem = errors.New("not before it is configured")
	if problem, err := life.Health(ctx); problem != "" || err != nil {
		t.Errorf("health is %q, %v", problem, err)
	}
	wantCode(t, life.Configure(ctx, Setup{Config: []byte(`{"file": "x"}`), DataDir: "/data"}), "")
	if string(r.setup.Config) != `{"file": "x"}` || r.setup.DataDir != "/data" || r.setup.Logger == nil {
		t.Errorf("the plugin was given %+v", r.setup)
	}
	wantCode(t, life.Configure(ctx, Setup{DataDir: "/data"}), fault.BadRequest)
	answer, err := ask.Resolve(ctx, auth.Query{Chain: "group/db"})
	if err != nil || answer.TTL != time.Second {
		t.Errorf("answer is %+v, %v", answer, err)
	}
	r.problem = fault.New(fault.Unavailable, "the directory is slow")
	if problem, err := life.Health(ctx); problem != "the directory is slow" || err != nil {
		t.Errorf("health is %q, %v", problem, err)
	}
	wantCode(t, life.SetLogLevel(ctx, hclog.Debug), "")
	wantCode(t, life.SetLogLevel(ctx, hclog.NoLevel), fault.BadRequest)
	wantCode(t, life.Shutdown(ctx), "")
	if !r.shutdown {
		t.Error("the plugin was not asked to finish")
	}
	if _, err := ask.Resolve(ctx, auth.Query{Chain: "group/db"}); err == nil {
		t.Error("the plugin answers after Shutdown")
	}
	for deadline := time.Now().Add(10 * hangUpTime); err == nil && time.Now().Before(deadline); {
		_, err = life.Info(ctx)
	}
	if !fault.Is(err, fault.Unavailable) {
		t.Errorf("after Shutdown the server goes on: %v", err)
	}
}

func TestFailedConfigureLeavesTheGateShut(t *testing.T) {
	r := &resolver{}
	_, cc := connect(t, Plugin{Name: "mine", Lifecycle: r, Auth: r})
	wantCode(t, NewClient(cc).Configure(t.Context(), Setup{Config: []byte(`{"other": 1}`)}), fault.BadConfig)
	_, err := auth.NewClient(cc).Resolve(t.Context(), auth.Query{Chain: "group/db"})
	wantCode(t, err, fault.BadRequest)
}

func TestPluginWithoutLifecycle(t *testing.T) {
	_, cc := connect(t, Plugin{Name: "mine", Auth: &resolver{}})
	life := NewClient(cc)
	wantCode(t, life.Validate(t.Context(), []byte(`{"a": 1}`)), fault.BadConfig)
	wantCode(t, life.Configure(t.Context(), Setup{Config: []byte(`{}`)}), "")
	_, err := auth.NewClient(cc).Resolve(t.Context(), auth.Query{Chain: "group/db"})
	wantCode(t, err, "")
}

func TestServeRefusesAProgramThatServesNothing(t *testing.T) {
	for _, p := range []Plugin{{Auth: &resolver{}}, {Name: "empty"}} {
		if p.check() == nil {
			t.Errorf("%+v passed", p)
		}
	}
}
