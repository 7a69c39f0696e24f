package checkpoint

import (
	"bytes"
	_ "embed"
	"encoding/base64"
	"os"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/keys"
	"github.com/atedb/atedb/sdk/merkle"
)

//go:embed testdata/example.note
var example string

const server = "db.example.com:5000"

var (
	chain = event.ChainID(bytes.Repeat([]byte{1}, 32))
	key   = testKey(7)
	head  = merkle.Head{Size: 3, Root: merkle.Root([]event.Hash{
		event.Hash(bytes.Repeat([]byte{0}, 32)), event.Hash(bytes.Repeat([]byte{1}, 32)), event.Hash(bytes.Repeat([]byte{2}, 32)),
	})}
)

func testKey(b byte) *keys.SigningKey {
	k, err := keys.SigningKeyFromSeed(bytes.Repeat([]byte{b}, keys.SigningSeedSize))
	if err != nil {
		panic(err)
	}
	return k
}

// signText signs any text, as a server that does as it likes.
func signText(t testing.TB, text string, signers ...note.Signer) string {
	t.Helper()
	signed, err := note.Sign(&note.Note{Text: text}, signers...)
	if err != nil {
		t.Fatal(err)
	}
	return string(signed)
}

// TestExample opens the note of the package comment, and looks for its
// beginning there.
func TestExample(t *testing.T) {
	if got, err := Open(example, key.Public(), chain); err != nil || got != head {
		t.Errorf("got %s, %v", got, err)
	}
	doc, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	start := example[:strings.Index(example, server)+len(server)+6]
	if !strings.Contains(string(doc), "//\t"+strings.ReplaceAll(strings.ReplaceAll(start, "\n", "\n//\t"), "//\t\n", "//\n")) {
		t.Errorf("the package comment does not have\n%s", start)
	}
}

func TestRoundTrip(t *testing.T) {
	signed, err := Sign(key, server, chain, head)
	if err != nil {
		t.Fatal(err)
	}
	got, err := Read(signed, key.Public(), chain)
	if err != nil || got.Head != head || got.Server != server || len(got.Extensions) != 0 {
		t.Errorf("got %+v, %v", got, err)
	}
	if len(signed) > MaxNote/3 {
		t.Errorf("a checkpoint has %d bytes, so that two witnesses could not sign it too", len(signed))
	}
}

// TestLaterVersions: a checkpoint with extensions, and with the signatures of
// others before the server's, is good.
func TestLaterVersions(t *testing.T) {
	other := testKey(8)
	signed := signText(t, text(chain, head)+"ext 1\next 2\n", newSigner(other, "witness.example"), newSigner(key, server))
	got, err := Read(signed, key.Public(), chain)
	if err != nil || got.Head != head || !slices.Equal(got.Extensions, []string{"ext 1", "ext 2"}) || got.Server != server {
		t.Errorf("got %+v, %v", got, err)
	}
	if _, err := Read(signed, other.Public(), chain); err != nil {
		t.Errorf("to those who trust the witness it is a checkpoint too: %v", err)
	}
}

// TestForgery: what a server, or somebody between, may present instead of a
// checkpoint of this chain by this key.
func TestForgery(t *testing.T) {
	sign := func(text string) string { return signText(t, text, newSigner(key, server)) }
	good, root := text(chain, head), base64.StdEncoding.EncodeToString(head.Root[:])
	origin := originPrefix + chain.String() + "\n"
	body, signature, _ := strings.Cut(example, "\n\n")
	raw, err := base64.StdEncoding.DecodeString(strings.TrimSpace(strings.Fields(signature)[2]))
	if err != nil {
		t.Fatal(err)
	}
	proof := key.Sign(keys.ForProof, []byte(good))
	for name, test := range map[string]struct {
		note string
		code fault.Code
	}{
		"another key":          {signText(t, good, newSigner(testKey(8), server)), fault.WrongServer},
		"another's signature":  {signText(t, good, signer{testKey(8), server, keyID(server, key.Public())}), fault.WrongServer},
		"another purpose":      {body + "\n\n— " + server + " " + base64.StdEncoding.EncodeToString(append(slices.Clone(raw[:4]), proof...)) + "\n", fault.WrongServer},
		"another server":       {strings.Replace(example, "— "+server, "— evil.example", 1), fault.WrongServer},
		"good, then bad":       {example + "— other " + base64.StdEncoding.EncodeToString(slices.Concat(be(keyID("other", key.Public())), raw[4:90])) + "\n", fault.WrongServer},
		"another chain":        {sign(text(event.ChainID{}, head)), fault.BadProof},
		"another kind of log":  {sign(strings.Replace(good, "atedb/chain", "atedb/other", 1)), fault.BadProof},
		"no signature":         {good, fault.BadMessage},
		"two lines":            {sign(origin + "3\n"), fault.BadMessage},
		"empty text":           {sign("\n"), fault.BadMessage},
		"empty extension":      {sign(good + "a\n\nb\n"), fault.BadMessage},
		"leading zero":         {sign(origin + "03\n" + root + "\n"), fault.BadMessage},
		"plus":                 {sign(origin + "+3\n" + root + "\n"), fault.BadMessage},
		"size over the limit":  {sign(origin + "18446744073709551615\n" + root + "\n"), fault.BadMessage},
		"size over 64 bits":    {sign(origin + "18446744073709551616\n" + root + "\n"), fault.BadMessage},
		"short root":           {sign(origin + "3\nYTheZ7W6\n"), fault.BadMessage},
		"root's spare bits":    {sign(origin + "3\n" + strings.Replace(root, "k=", "l=", 1) + "\n"), fault.BadMessage},
		"root without padding": {sign(origin + "3\n" + strings.TrimRight(root, "=") + "\n"), fault.BadMessage},
		"over the limit":       {sign(good + strings.Repeat("x", MaxNote) + "\n"), fault.BadMessage},
		"nothing":              {"", fault.BadMessage},
	} {
		if got, err := Read(test.note, key.Public(), chain); !fault.Is(err, test.code) || got.Head != (merkle.Head{}) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	if _, err := Read(example, keys.PublicKey{}, chain); !fault.Is(err, fault.WrongServer) {
		t.Errorf("no key: %v", err)
	}
}

func be(id uint32) []byte { return []byte{byte(id >> 24), byte(id >> 16), byte(id >> 8), byte(id)} }

// TestFlippedBit: one bit of the text or of the signature's line is altered on
// the way. No such note may say anything else than what was signed.
func TestFlippedBit(t *testing.T) {
	for bit := range 8 * len(example) {
		if at := bit / 8; at > 400 && at%64 != 0 {
			continue // every bit of the text and the ids, some of the signature's
		}
		bad := []byte(example)
		bad[bit/8] ^= 1 << (bit % 8)
		if got, err := Open(string(bad), key.Public(), chain); err == nil {
			t.Errorf("bit %d: opened as %s", bit, got)
		}
	}
}

// TestFingerprintAsName: half of all fingerprints have a plus in them, which a
// note does not allow in a name.
func TestFingerprintAsName(t *testing.T) {
	signed, err := Sign(key, "SHA256:+/a+", chain, head)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := Read(signed, key.Public(), chain); err != nil || got.Server != "SHA256:-/a-" {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestSignRefuses(t *testing.T) {
	for _, name := range []string{"", "a b", "a\nb", "a\x01", "ü", strings.Repeat("x", MaxServer+1)} {
		if _, err := Sign(key, name, chain, head); !fault.Is(err, fault.BadRequest) {
			t.Errorf("%q: %v", name, err)
		}
	}
	if _, err := Sign(key, server, chain, merkle.Head{Size: merkle.MaxSize + 1}); !fault.Is(err, fault.BadRequest) {
		t.Error(err)
	}
}

// FuzzOpen: no bytes crash it; and what it accepts says what was signed.
func FuzzOpen(f *testing.F) {
	f.Add(example)
	f.Add(signText(f, text(chain, head)+"ext\n", newSigner(testKey(8), "w"), newSigner(key, server)))
	f.Add("a\n0\n\n— x AAAAAAA=\n")
	f.Fuzz(func(t *testing.T, signed string) {
		if got, err := Open(signed, key.Public(), chain); err == nil && got != head {
			t.Errorf("opened as %s", got)
		}
	})
}

// FuzzParse: what is accepted as a text is what would be written, but for its
// extensions.
func FuzzParse(f *testing.F) {
	f.Add(text(chain, head))
	f.Add(text(chain, merkle.EmptyHead()) + "ext\n")
	f.Fuzz(func(t *testing.T, signed string) {
		c, err := parse(signed, chain)
		if err != nil {
			return
		}
		want := text(chain, c.Head)
		for _, line := range c.Extensions {
			want += line + "\n"
		}
		if signed != want && signed+"\n" != want {
			t.Errorf("%q was read as %q", signed, want)
		}
	})
}
