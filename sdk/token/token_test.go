package token

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/atedb/atedb/sdk/account"
	"github.com/atedb/atedb/sdk/account/accountpb"
	"github.com/atedb/atedb/sdk/fault"
)

// A token in text comes back as it was, with white space around it.
func TestTextRoundTrip(t *testing.T) {
	token := newToken(t, Options{Account: true})
	for _, text := range []string{token.Text(), " " + token.Text() + "\r\n"} {
		again, err := Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		if again.Text() != token.Text() || again.Delegation.ID != token.Delegation.ID || again.Server != testServer ||
			!bytes.Equal(again.Signing.Seed(), token.Signing.Seed()) || !bytes.Equal(again.Read.Seed(), token.Read.Seed()) {
			t.Error("it came back changed")
		}
	}
}

func TestParseRefuses(t *testing.T) {
	token, other := newToken(t, Options{Account: true}), newToken(t, Options{Account: true})
	edit := func(f func(m *accountpb.Token)) string {
		m := new(accountpb.Token)
		b, err := base64URL.DecodeString(strings.TrimPrefix(token.Text(), "ate-token-v1:"))
		if err == nil {
			err = m.UnmarshalVT(b)
		}
		if err != nil {
			t.Fatal(err)
		}
		f(m)
		if b, err = m.MarshalVT(); err != nil {
			t.Fatal(err)
		}
		return "ate-token-v1:" + base64URL.EncodeToString(b)
	}
	for _, c := range []struct {
		what, text string
		code       fault.Code
	}{
		{"nothing", "", fault.BadToken},
		{"something else", "ate-read-v1:AAAA", fault.BadToken},
		{"a later version", "ate-token-v2:" + strings.TrimPrefix(token.Text(), "ate-token-v1:"), fault.Unsupported},
		{"no version", "ate-token-v", fault.Unsupported},
		{"nothing in it", "ate-token-v1:", fault.BadToken},
		{"cut off", token.Text()[:4000], fault.BadToken},
		{"a character more", token.Text() + "A", fault.BadToken},
		{"two lines", token.Text()[:100] + "\n" + token.Text()[100:], fault.BadToken},
		{"padding", token.Text() + "==", fault.BadToken},
		{"too long", strings.Repeat("A", MaxText+1), fault.BadToken},
		{"keys of another token", edit(func(m *accountpb.Token) { m.SigningSeed = other.Signing.Seed() }), fault.BadToken},
		{"a short signing seed", edit(func(m *accountpb.Token) { m.SigningSeed = m.SigningSeed[1:] }), fault.BadToken},
		{"a short read seed", edit(func(m *accountpb.Token) { m.ReadSeed = nil }), fault.BadToken},
		{"no delegation", edit(func(m *accountpb.Token) { m.Delegation = nil }), fault.BadToken},
		{"a false delegation", edit(func(m *accountpb.Token) { m.Delegation.Statement[40] ^= 1 }), fault.BadToken},
		{"no server", edit(func(m *accountpb.Token) { m.Server = "" }), fault.BadToken},
		{"control characters for a terminal", edit(func(m *accountpb.Token) { m.Server = "ws://\x1b[2J" }), fault.BadToken},
	} {
		_, err := Parse(c.text)
		wantCode(t, c.what, err, c.code)
		if seed := base64URL.EncodeToString(token.Signing.Seed()[:30]); err != nil && strings.Contains(err.Error(), seed[:20]) {
			t.Errorf("%s: the error shows the secret", c.what)
		}
	}
}

// A file of a token is its user's alone, takes the place of another token, and of
// nothing else.
func TestFiles(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "token")
	first, second := newToken(t, Options{Account: true}), newToken(t, Options{Account: true})
	_, err := ReadFile(path)
	wantCode(t, "no file", err, fault.NotFound)
	for _, token := range []*Token{first, second} {
		if err := token.WriteFile(path); err != nil {
			t.Fatal(err)
		}
		again, err := ReadFile(path)
		if err != nil || again.Text() != token.Text() {
			t.Fatalf("it came back as %v: %v", again, err)
		}
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("mode %v: %v", info.Mode(), err)
		}
	}
	for _, mode := range []os.FileMode{0o640, 0o604, 0o620, 0o644, 0o666} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		_, err = ReadFile(path)
		wantCode(t, mode.String(), err, fault.BadConfig)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		t.Fatal(err)
	}
	for what, content := range map[string]string{"notes": "my notes, longer than a prefix", "short notes": "hi", "a key": "ate-key-v1\n"} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		wantCode(t, what, first.WriteFile(path), fault.BadConfig)
		if got, err := os.ReadFile(path); err != nil || string(got) != content {
			t.Errorf("%s: overwritten: %v", what, err)
		}
		_, err = ReadFile(path)
		wantCode(t, what, err, fault.BadToken)
	}
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := first.WriteFile(path); err != nil {
		t.Errorf("in the place of an empty file: %v", err)
	}
	link := filepath.Join(folder, "link")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	wantCode(t, "through a link", first.WriteFile(link), fault.BadConfig)
	wantCode(t, "a folder", first.WriteFile(folder), fault.BadConfig)
	_, err = ReadFile(folder)
	wantCode(t, "a folder", err, fault.BadConfig)
	wantCode(t, "a folder that is not there", first.WriteFile(filepath.Join(folder, "no", "token")), fault.BadConfig)
	left, err := filepath.Glob(filepath.Join(folder, ".*"))
	if err != nil || len(left) != 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
	if err := os.WriteFile(filepath.Join(folder, "large"), make([]byte, 2*MaxText), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = ReadFile(filepath.Join(folder, "large"))
	wantCode(t, "a large file", err, fault.BadToken)
}

// No way of printing a token shows its keys.
func TestSecretsNeverShow(t *testing.T) {
	token := newToken(t, Options{Account: true})
	holder := struct {
		token *Token
		value Token
		any   any
	}{token, *token, *token}
	var texts []string
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%o", "%b"} {
		for _, value := range []any{token, *token, holder, &holder, []*Token{token}, map[string]Token{"t": *token}} {
			texts = append(texts, fmt.Sprintf(verb, value))
		}
	}
	encoded, err := json.Marshal(map[string]any{"token": token, "value": *token})
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "token", token, "value", *token, "holder", holder)
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "token", token, "value", *token, "holder", holder)
	for _, text := range append(texts, string(encoded), log.String()) {
		for what, seed := range map[string][]byte{"signing": token.Signing.Seed(), "read": token.Read.Seed()} {
			part := seed[:6]
			for _, form := range []string{string(part), hex.EncodeToString(part), strings.ToUpper(hex.EncodeToString(part)), base64URL.EncodeToString(part), strings.Trim(fmt.Sprint(part), "[]"), strings.Trim(fmt.Sprintf("%o", part), "[]")} {
				if strings.Contains(text, form) {
					t.Errorf("the %s seed shows in: %.200s", what, text)
				}
			}
		}
	}
	if want := "token " + token.Delegation.ID.String() + " of joe@example.com"; fmt.Sprintf("%v %d", token, *token) != want+" "+want {
		t.Errorf("printed as %v", token)
	}
}

func FuzzParse(f *testing.F) {
	token := newToken(f, Options{Account: true})
	f.Add(token.Text())
	f.Add("ate-token-v1:")
	f.Fuzz(func(t *testing.T, text string) {
		again, err := Parse(text)
		if err == nil && again.Text() != strings.TrimSpace(text) {
			t.Error("the token has more than one form")
		}
		if code := fault.CodeOf(err); err != nil && code != fault.BadToken && code != fault.Unsupported {
			t.Errorf("refused with %v", err)
		}
	})
}

// The message in a token's text, which fuzzing the text seldom gets to.
func FuzzTokenFields(f *testing.F) {
	token := newToken(f, Options{Account: true})
	m := &accountpb.Token{Delegation: token.Signed.Proto(), SigningSeed: token.Signing.Seed(), ReadSeed: token.Read.Seed(), Server: testServer}
	b, err := m.MarshalVT()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		m := new(accountpb.Token)
		if len(b) > account.MaxSigned || m.UnmarshalVT(b) != nil {
			return
		}
		if _, err := tokenOf(m); err == nil && m.Delegation == nil {
			t.Error("a token without a delegation")
		}
	})
}
