package dnstest

import (
	"net"
	"testing"

	"github.com/miekg/dns"
)

// Serve answers on 127.0.0.1, over UDP and TCP, until the test ends, and returns
// the address with its port.
func (tree *Tree) Serve(t testing.TB) string {
	t.Helper()
	return tree.ServeOn(t, "127.0.0.1")
}

// ServeOn is Serve on another IP address of this machine.
func (tree *Tree) ServeOn(t testing.TB, ip string) string {
	t.Helper()
	packets, listener := listen(t, ip)
	for _, server := range []*dns.Server{
		{PacketConn: packets, Handler: tree.handler("udp")},
		{Listener: listener, Handler: tree.handler("tcp")},
	} {
		begun, ended := make(chan struct{}), make(chan error, 1)
		server.NotifyStartedFunc = func() { close(begun) }
		go func() { ended <- server.ActivateAndServe() }()
		<-begun
		t.Cleanup(func() {
			_ = server.Shutdown()
			if err := <-ended; err != nil {
				t.Errorf("dnstest: serving: %v", err)
			}
		})
	}
	return packets.LocalAddr().String()
}

// listen takes a port that is free for UDP and for TCP.
func listen(t testing.TB, ip string) (net.PacketConn, net.Listener) {
	t.Helper()
	var err error
	for range 20 {
		var packets net.PacketConn
		if packets, err = net.ListenPacket("udp", net.JoinHostPort(ip, "0")); err != nil {
			break
		}
		var listener net.Listener
		if listener, err = net.Listen("tcp", packets.LocalAddr().String()); err == nil {
			return packets, listener
		}
		_ = packets.Close()
	}
	t.Fatalf("dnstest: listening on %s: %v", ip, err)
	return nil, nil
}

func (tree *Tree) handler(network string) dns.Handler {
	return dns.HandlerFunc(func(w dns.ResponseWriter, query *dns.Msg) {
		if m := tree.reply(network, query); m != nil {
			_ = w.WriteMsg(m)
		}
	})
}
