package keys

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
)

// The checksum is BIP-350's: its valid examples pass, its invalid ones do not.
func TestBech32m(t *testing.T) {
	for _, text := range []string{
		"A1LQFN3A", "a1lqfn3a", "?1v759aa",
		"an83characterlonghumanreadablepartthatcontainsthetheexcludedcharactersbioandnumber11sg7hg6",
		"split1checkupstagehandshakeupstreamerranterredcaperredlc445v",
	} {
		prefix, digits, err := splitBech32m(text)
		if err != nil || bech32Polymod(prefix, digits) != bech32mFinal {
			t.Errorf("%s: %v", text, err)
		}
	}
	for _, text := range []string{
		" 1xj0phk", "y1b0jsk6g", "lt1igcx5c0", "in1muywd", "mm1crxm3i", "au1s5cgom", "M1VUXWEZ", "16plkw9", "1p2gdwpf", "A1lqfn3a", "A12UEL5L",
	} {
		if _, _, err := decodeBech32m(text); err == nil {
			t.Errorf("%s is taken", text)
		}
	}
}

// A mistyped id is found: any one character replaced, any two swapped.
func TestMistypedID(t *testing.T) {
	id := event.KeyID([]byte("a key"))
	text := FormatID(id)
	for _, good := range []string{text, strings.ToUpper(text)} {
		if got, err := ParseID(good); err != nil || got != id {
			t.Errorf("%s: %v", good, err)
		}
	}
	for i := range len(text) {
		for _, c := range bech32Digits {
			wrong := text[:i] + string(c) + text[i+1:]
			if _, err := ParseID(wrong); (err == nil) != (wrong == text) {
				t.Errorf("%s: %v", wrong, err)
			}
		}
		if i > 0 && text[i] != text[i-1] {
			wrong := text[:i-1] + string(text[i]) + string(text[i-1]) + text[i+1:]
			if _, err := ParseID(wrong); err == nil {
				t.Errorf("%s is taken", wrong)
			}
		}
	}
	for _, wrong := range []string{"", text[:64], text + "q", encodeBech32m("otekey", id[:]), strings.Repeat("q", 1<<20)} {
		if _, err := ParseID(wrong); !fault.Is(err, fault.BadRequest) || len(err.Error()) > 300 {
			t.Errorf("%.80s: %.300v", wrong, err)
		}
	}
}

// Each text form comes back as it was, and is refused when it is of another
// version, kind or size, or is not the one text of its bytes.
func TestTextForms(t *testing.T) {
	id := Identity{Name: "joe@example.com", Signing: testKey(), Read: NewReadKey()}
	public := id.Public()
	parsers := map[string]func(string) (string, error){
		public.Signing.Text(): func(s string) (string, error) { k, err := ParsePublicKeyText(s); return k.Text(), err },
		public.Read.Text():    func(s string) (string, error) { k, err := ParseReadPublicKeyText(s); return k.Text(), err },
		public.Text():         func(s string) (string, error) { k, err := ParsePublicIdentity(s); return k.Text(), err },
	}
	for text, parse := range parsers {
		if got, err := parse(text); err != nil || got != text {
			t.Errorf("%.40s…: %v", text, err)
		}
		for wrong, code := range map[string]fault.Code{
			strings.Replace(text, "-v1:", "-v2:", 1): fault.Unsupported,
			"x" + text:                               fault.BadRequest,
			text[:len(text)-4]:                       fault.BadRequest,
			text + "AAAA":                            fault.BadRequest,
			text + "\n":                              fault.BadRequest,
			text[:100] + "\n" + text[100:]:           fault.BadRequest,
			text[:len(text)-1] + "_":                 fault.BadRequest, // bits that no byte has
			text + strings.Repeat("A", maxText):      fault.TooLarge,
			"":                                       fault.BadRequest,
		} {
			if _, err := parse(wrong); fault.CodeOf(err) != code {
				t.Errorf("%.20s… %d characters: %v, want %s", wrong, len(wrong), err, code)
			}
		}
		for other := range parsers {
			if _, err := parse(other); (err == nil) != (other == text) {
				t.Errorf("%.20s… is taken as %.20s…", other, text)
			}
		}
	}
	if (PublicKey{}).Text() != "" || fmt.Sprint(PublicKey{}, ReadPublicKey{}) != "no key no key" {
		t.Error("no key prints as one")
	}
}

// Attack: a name that leaves the folder, hides, or passes for an option.
func TestHostileNames(t *testing.T) {
	for _, name := range []string{
		"", ".", "..", ".hidden", "-rf", "a/b", "../a", "a\\b", "a\x00", "a b", "a:b", "A", "ä", "@home", "a\n", strings.Repeat("a", MaxName+1),
	} {
		if err := CheckName(name); !fault.Is(err, fault.BadRequest) {
			t.Errorf("%q: %v", name, err)
		}
		if _, err := NewIdentity(name); err == nil {
			t.Errorf("an identity is named %q", name)
		}
	}
	for _, name := range []string{"default", "joe@example.com", "a", "0", "a.b_c-d", strings.Repeat("a", MaxName)} {
		if err := CheckName(name); err != nil {
			t.Error(err)
		}
	}
}

// Attack: a secret is read from a log. No way of printing a key, an identity,
// or what holds one shows its bytes.
func TestSecretsDoNotPrint(t *testing.T) {
	id := &Identity{Name: "joe", Signing: testKey(), Read: NewReadKey()}
	type holder struct {
		Shown  *Identity
		hidden Identity
		key    *SigningKey
		value  SigningKey
		read   ReadKey
	}
	h := holder{id, *id, id.Signing, *id.Signing, *id.Read}
	var out strings.Builder
	for _, v := range []any{id, *id, id.Signing, *id.Signing, id.Read, *id.Read, h, &h, []any{id.Signing, id.Read}, map[string]any{"k": h}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%c", "%t"} {
			fmt.Fprintf(&out, verb+"\n", v)
		}
		encoded, _ := json.Marshal(v)
		out.Write(encoded)
		slog.New(slog.NewTextHandler(&out, nil)).Info("text", "v", v)
		slog.New(slog.NewJSONHandler(&out, nil)).Info("json", "v", v)
	}
	if !strings.Contains(out.String(), redacted) {
		t.Error("nothing was printed")
	}
	for _, secret := range [][]byte{id.Signing.Seed()[:32], id.Signing.Seed()[32:], id.Read.Seed()} {
		for _, shown := range secretForms(secret) {
			if strings.Contains(out.String(), shown) {
				t.Errorf("a secret was printed as %s", shown)
			}
		}
	}
}

// secretForms returns what a part of a secret would look like in a log.
func secretForms(secret []byte) []string {
	part := secret[6:12] // whole groups of base64, however the bytes before it are
	list := strings.Trim(fmt.Sprint(part), "[]")
	return []string{
		string(part), hex.EncodeToString(part), strings.ToUpper(hex.EncodeToString(part)), list, strings.ReplaceAll(list, " ", ","),
		base64.StdEncoding.EncodeToString(part), base64.RawURLEncoding.EncodeToString(part),
		strings.TrimPrefix(strings.TrimSuffix(fmt.Sprintf("%#v", part), "}"), "[]byte{"),
	}
}

func FuzzParsePublicIdentity(f *testing.F) {
	id := Identity{Name: "joe", Signing: testKey(), Read: NewReadKey()}
	f.Add(id.Public().Text())
	f.Add("ate-identity-v1:a::")
	f.Fuzz(func(t *testing.T, text string) {
		if id, err := ParsePublicIdentity(text); err == nil && id.Text() != text {
			t.Errorf("%q comes back as %q", text, id.Text())
		}
	})
}

func FuzzParseID(f *testing.F) {
	f.Add(FormatID(event.KeyID([]byte("a key"))))
	f.Add("A12UEL5L")
	f.Fuzz(func(t *testing.T, text string) {
		if id, err := ParseID(text); err == nil && FormatID(id) != strings.ToLower(text) {
			t.Errorf("%q comes back as %q", text, FormatID(id))
		}
		if _, _, err := decodeBech32m(text[:min(len(text), idLength)]); err != nil && fault.CodeOf(err) != fault.BadRequest {
			t.Error(err)
		}
	})
}
