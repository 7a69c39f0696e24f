package authserver

import (
	"strings"
	"testing"

	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/identity"
)

func TestParseURL(t *testing.T) {
	print := identity.Fingerprint{1}.String()
	for text, want := range map[string]URL{
		"ws://localhost:5555/auth":             {"ws", "localhost:5555", ""},
		"ws://auth.example.com/auth":           {"ws", "auth.example.com:5001", ""},
		"wss://[2001:db8::1]/auth#fp=" + print: {"wss", "[2001:db8::1]:5001", print},
		DefaultURL:                             {"ws", "localhost:5001", ""},
	} {
		got, err := ParseURL(text)
		if err != nil || got != want {
			t.Errorf("%s is %+v, %v", text, got, err)
		}
		if again, err := ParseURL(got.String()); err != nil || again != got {
			t.Errorf("%s is written as %s: %+v, %v", text, got, again, err)
		}
	}
	for _, text := range []string{
		"", "localhost:5001", "http://localhost/auth", "tcp://localhost/auth", "ws:///auth", "ws://localhost", "ws://localhost/", "ws://localhost/auth/",
		"ws://localhost/db/a/b", "ws://joe:secret@localhost/auth", "ws://localhost/auth?x", "ws://localhost/auth?", "ws://[::1/auth", "ws://[fe80::1%25]x/auth",
		"ws://localhost/auth#x", "ws://localhost/auth#fp=", "ws://localhost/auth#fp=" + print + "x", "ws://localhost/auth#" + print, "ws://localhost:x/auth",
		"ws://" + strings.Repeat("a", maxURL) + "/auth",
	} {
		if got, err := ParseURL(text); !fault.Is(err, fault.BadRequest) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q is %+v, %v", text, got, err)
		}
	}
}

func FuzzParseURL(f *testing.F) {
	f.Add(DefaultURL)
	f.Add("wss://[2001:db8::1]/auth#fp=" + identity.Fingerprint{1}.String())
	f.Fuzz(func(t *testing.T, text string) {
		u, err := ParseURL(text)
		if err != nil {
			if !fault.Is(err, fault.BadRequest) {
				t.Errorf("%v", err)
			}
			return
		}
		if again, err := ParseURL(u.String()); err != nil || again != u {
			t.Errorf("%+v was read as %+v, %v", u, again, err)
		}
	})
}
