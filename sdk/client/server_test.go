package client_test

import (
	"strings"
	"testing"

	"github.com/atedb/atedb/sdk/client"
	"github.com/atedb/atedb/sdk/client/clienttest"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/identity"
	"github.com/atedb/atedb/sdk/known"
)

func newIdentity(t *testing.T) *identity.Private {
	t.Helper()
	id, err := identity.New()
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func printOf(id *identity.Private) identity.Fingerprint {
	public := id.Public()
	return public.Fingerprint()
}

func hostOf(url string) string {
	host, _, _ := strings.Cut(strings.SplitN(url, "://", 2)[1], "/")
	return host
}

func trusting(string, identity.Fingerprint) bool { return true }

// TestWhichServerIsBelieved: who is not known, is another than was pinned, or
// offers less encryption than before, is refused with the code that says which.
func TestWhichServerIsBelieved(t *testing.T) {
	id, other := newIdentity(t), newIdentity(t)
	pinned := func(print identity.Fingerprint, least int) func(host string) known.Hosts {
		return func(host string) known.Hosts {
			var m known.Memory
			if err := m.Pin(known.Host{Name: host, Fingerprint: print, MinEncryption: least}); err != nil {
				t.Fatal(err)
			}
			return &m
		}
	}
	for name, test := range map[string]struct {
		level   int // of the server
		url     string
		hosts   func(host string) known.Hosts
		options client.Options
		rises   int        // the encryption, if it is more than the server's and the client's least
		code    fault.Code // empty if the chain is opened
		says    string
	}{
		"unknown":                        {level: 128, code: fault.UnknownServer, says: printOf(id).String()},
		"unknown, no to it":              {level: 128, options: client.Options{OnUnknownServer: func(string, identity.Fingerprint) bool { return false }}, code: fault.UnknownServer},
		"unknown, yes to it":             {level: 128, options: client.Options{OnUnknownServer: trusting}},
		"unknown, in clear text":         {},
		"in clear text, not enough":      {options: client.Options{MinEncryption: 256, OnUnknownServer: trusting}}, // the server rises to it
		"pinned by the URL":              {level: 256, url: "#fp=" + printOf(id).String()},
		"another by the URL":             {level: 256, url: "#fp=" + printOf(other).String(), options: client.Options{OnUnknownServer: trusting}, code: fault.WrongServer, says: "is another server, or somebody is in between"},
		"pinned by the URL, clear text":  {url: "#fp=" + printOf(id).String(), code: fault.WrongServer, says: "can prove only by encrypting"},
		"known":                          {level: 128, hosts: pinned(printOf(id), 128)},
		"known, and encrypts more":       {level: 256, hosts: pinned(printOf(id), 128)},
		"known, and encrypts less":       {level: 128, hosts: pinned(printOf(id), 256), rises: 256}, // it is asked for what is known of it
		"known, and encrypts no more":    {hosts: pinned(printOf(id), 128), rises: 128},
		"known as another":               {level: 128, hosts: pinned(printOf(other), 128), options: client.Options{OnUnknownServer: trusting}, code: fault.WrongServer},
		"known as another, URL is right": {level: 128, url: "#fp=" + printOf(id).String(), hosts: pinned(printOf(other), 128), code: fault.WrongServer},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, clienttest.Options{Encryption: test.level, Identity: id})
			url := s.URL("tcp", chainName)
			o := test.options
			o.Create, o.Backoff = true, impatient.Backoff
			if test.hosts != nil {
				o.Hosts = test.hosts(hostOf(url))
			}
			if test.code != "" {
				err := dialFails(t, url+test.url, o)
				wantCode(t, err, test.code)
				if !strings.Contains(err.Error(), test.says) {
					t.Errorf("%q does not say %q", err, test.says)
				}
				return
			}
			c := dialWith(t, url+test.url, o)
			commit(t, c, put("k", "v"))
			if got, want := c.Server().Encryption, max(test.level, o.MinEncryption, test.rises); got != want {
				t.Errorf("the connection has encryption %d, want %d", got, want)
			}
		})
	}
}

// TestTrustOnFirstUse: who is believed once is pinned, with the encryption that
// it had, once it has proven its key.
func TestTrustOnFirstUse(t *testing.T) {
	id := newIdentity(t)
	s := start(t, clienttest.Options{Encryption: 192, Identity: id})
	url, hosts := s.URL("ws", chainName), &known.Memory{}
	o := impatient
	o.Hosts, o.OnUnknownServer = hosts, trusting
	dialWith(t, url, o)
	h, ok, err := hosts.Lookup(hostOf(url))
	if err != nil || !ok || h.Fingerprint != printOf(id) || h.MinEncryption != 192 {
		t.Errorf("pinned is %+v, %v", h, err)
	}
	o.OnUnknownServer = nil
	dialWith(t, url, o)
}

// TestRedirectCannotReplaceAPin: a server that sends a client elsewhere, with
// another fingerprint than the host there is known by, is not followed.
func TestRedirectCannotReplaceAPin(t *testing.T) {
	id, other := newIdentity(t), newIdentity(t)
	target := start(t, clienttest.Options{Encryption: 128, Identity: id})
	from := start(t, clienttest.Options{})
	to := target.URL("tcp", chainName)
	from.SetFaults(clienttest.Faults{Open: func(string) error {
		return clienttest.Redirect{URL: to + "#fp=" + printOf(id).String()}
	}})
	o := impatient
	hosts := &known.Memory{}
	o.Hosts = hosts
	dialWith(t, from.URL("tcp", chainName), o) // the fingerprint that it gives will do
	if err := hosts.Pin(known.Host{Name: hostOf(to), Fingerprint: printOf(other)}); err != nil {
		t.Fatal(err)
	}
	wantCode(t, dialFails(t, from.URL("tcp", chainName), o), fault.WrongServer)
}

// TestFailedAttemptPinsNothing: a fingerprint that was said and not proven is
// not pinned by what opens the chain later.
func TestFailedAttemptPinsNothing(t *testing.T) {
	id := newIdentity(t)
	s := start(t, clienttest.Options{Encryption: 128, Identity: id})
	clear := start(t, clienttest.Options{})
	url, hosts := s.URL("tcp", chainName), &known.Memory{}
	s.SetFaults(clienttest.Faults{Open: func(string) error {
		return clienttest.Redirect{URL: clear.URL("tcp", chainName)}
	}})
	o := impatient
	o.Hosts, o.OnUnknownServer = hosts, trusting
	dialWith(t, url, o)
	if h, ok, _ := hosts.Lookup(hostOf(url)); ok {
		t.Errorf("pinned is %+v, which opened no chain", h)
	}
}
