package authserver

import (
	"testing"

	"github.com/atedb/atedb/sdk/account"
	pb "github.com/atedb/atedb/sdk/authserver/authserverpb"
	"github.com/atedb/atedb/sdk/token"
)

// FuzzRequest proves that no request, of whomever, harms the server: it is
// answered with something that can be encoded.
func FuzzRequest(f *testing.F) {
	w := newWorld(f, "alice")
	alice := cast()["alice"]
	made := w.newToken(alice, token.Options{Account: true})
	p := w.connect()
	for _, request := range []*pb.Request{
		lookFor(string(alice.name)), lookFor("writers"),
		requestOf(p.loginRequest(alice.name, alice.passphrase)),
		asRequest(&pb.Request_CreateUser{CreateUser: alice.createUser()}),
		asRequest(&pb.Request_Present{Present: p.presentRequest(made)}),
		asRequest(&pb.Request_PutUser{PutUser: &pb.PutUser{Vault: alice.vault.Proto(), Advert: alice.advert.Proto()}}),
		asRequest(&pb.Request_RegisterToken{RegisterToken: &pb.RegisterToken{Delegation: made.Signed.Proto()}}),
		asRequest(&pb.Request_SetTotp{SetTotp: &pb.SetTotp{Secret: make([]byte, 20), TotpKey: make([]byte, 32), Code: "123456"}}),
		asRequest(&pb.Request_PutGroup{PutGroup: &pb.PutGroup{Statement: alice.advert.Proto(), Roster: []byte{1}}}),
		{Ask: &pb.Request_ListTokens{}}, {Ask: &pb.Request_Login{}}, {},
	} {
		encoded, err := request.MarshalVT()
		check(f, err)
		f.Add(encoded, true)
		f.Add(encoded, false)
	}
	f.Fuzz(func(t *testing.T, encoded []byte, loggedIn bool) {
		request := new(pb.Request)
		if request.UnmarshalVTUnsafe(encoded) != nil {
			return
		}
		w.tb = t
		p := w.connect()
		if loggedIn {
			p.as = standing{user: alice.name, kind: account.Passphrase}
			p.as.knows(alice.vault)
		}
		reply := p.reply(t.Context(), request)
		if _, err := reply.MarshalVT(); err != nil || reply.Id != request.Id || reply.Code == "internal" || reply.Code == "damaged" {
			t.Errorf("the request is answered %v: %v", reply, err)
		}
	})
}
