package authserver

import (
	"testing"

	pb "github.com/atedb/atedb/sdk/authserver/authserverpb"
	"github.com/atedb/atedb/sdk/token"
)

// BenchmarkLogin measures the server's part of a login, both requests; what the
// client does, and the network, is left out.
func BenchmarkLogin(b *testing.B) {
	w, alice := newWorld(b, "alice"), cast()["alice"]
	p := w.connect()
	login := p.loginRequest(alice.name, alice.passphrase)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := p.stretch(string(alice.name), login.Kind); err != nil {
			b.Fatal(err)
		}
		if _, err := p.send(login); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "logins/s")
}

// BenchmarkLook measures looking for a user whose statement was read before, with
// both proofs, by one client.
func BenchmarkLook(b *testing.B) {
	w, alice := newWorld(b, "alice", "bob", "carol"), cast()["alice"]
	p := w.connect()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := p.lookAt(string(alice.name), 2); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "looks/s")
}

// BenchmarkCheckToken measures whether a token holds.
func BenchmarkCheckToken(b *testing.B) {
	w, alice := newWorld(b, "alice"), cast()["alice"]
	made := w.newToken(alice, token.Options{Account: true})
	p := w.connect()
	b.ReportAllocs()
	for b.Loop() {
		if status, err := p.holds(made); err != nil || status.Refused != "" {
			b.Fatal(status, err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "checks/s")
}

// BenchmarkFailedLogin measures what a wrong passphrase costs the server, until
// the throttle stops it, and then.
func BenchmarkFailedLogin(b *testing.B) {
	w := newWorld(b, "alice")
	p := w.connect()
	login := p.loginRequest("alice@example.com", cast()["bob"].passphrase)
	b.ReportAllocs()
	for b.Loop() {
		p.ask(&pb.Request{Ask: &pb.Request_Login{Login: login}})
	}
}
