package keyfile

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"filippo.io/age/armor"

	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/keys"
)

const (
	passphrase = "correct horse"
	testFactor = 2 // quick, and no protection
)

func testIdentity(t testing.TB, name string) *keys.Identity {
	t.Helper()
	seed := make([]byte, secretSize)
	for i := range seed {
		seed[i] = byte(3*i + 1)
	}
	id := &keys.Identity{Name: name}
	var signs, reads error
	id.Signing, signs = keys.SigningKeyFromSeed(seed[:keys.SigningSeedSize])
	id.Read, reads = keys.ReadKeyFromSeed(seed[keys.SigningSeedSize:])
	if err := errors.Join(signs, reads); err != nil {
		t.Fatal(err)
	}
	return id
}

func testFile(t testing.TB, name, passphrase string, factor int) *File {
	t.Helper()
	f, err := newFile(testIdentity(t, name), passphrase, factor)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// ExampleParse is the worked example of the format.
func ExampleParse() {
	signing, _ := keys.SigningKeyFromSeed(make([]byte, keys.SigningSeedSize))
	read, _ := keys.ReadKeyFromSeed(bytes.Repeat([]byte{1}, keys.ReadSeedSize))
	made, _ := New(&keys.Identity{Name: "joe", Signing: signing, Read: read}, "")
	raw := made.Encode()
	for line := range strings.Lines(string(raw)) {
		line = strings.TrimSuffix(line, "\n")
		if len(line) > 130 {
			line = line[:60] + "…" + line[len(line)-20:]
		}
		fmt.Println(line)
	}
	file, _ := Parse(raw)
	fmt.Println(file)
	// Output:
	// ate-key-v1
	// signing: atekey13uyhxq3h8sg6rm9h4xtrl2fmssrdxc3gea5pwup2j2u2zk725fus0la2zn
	// reading: atekey15z7kjqr6n0zvgexyc4r9qv6r3syzenf3xy9faczsc8sug5783gwsev2cuk
	// public: ate-identity-v1:joe:AUJLLyZ-WNWztE1xrPxqZWuyaVDVfGHb…LP4Ge4tocyRNACLn17AU
	// secret: plain
	// AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB
	// joe atekey13uyhxq3h8sg6rm9h4xtrl2fmssrdxc3gea5pwup2j2u2zk725fus0la2zn
}

// An identity comes back from its file, with and without a passphrase, and the
// file from its bytes; a list needs no passphrase.
func TestRoundTrip(t *testing.T) {
	for _, passphrase := range []string{"", passphrase} {
		folder := Folder(filepath.Join(t.TempDir(), "a", "keys"))
		f := testFile(t, "joe", passphrase, testFactor)
		if err := folder.Create(f); err != nil {
			t.Fatal(err)
		}
		got, err := folder.Read("joe")
		if err != nil {
			t.Fatal(err)
		}
		if got.Encrypted != (passphrase != "") || !bytes.Equal(got.Encode(), f.Encode()) {
			t.Error("the file that came back is another")
		}
		id, err := got.Open(passphrase)
		if err != nil {
			t.Fatal(err)
		}
		want := testIdentity(t, "joe")
		if id.Name != "joe" || !bytes.Equal(id.Signing.Seed(), want.Signing.Seed()) || !bytes.Equal(id.Read.Seed(), want.Read.Seed()) {
			t.Error("the identity that came back is another")
		}
		if hidden := bytes.Contains(f.Encode(), []byte(base64URL.EncodeToString(want.Signing.Seed()[:30]))); hidden != (passphrase == "") {
			t.Errorf("the secret stands in clear: %v", hidden)
		}
	}
}

// A file is encrypted at the documented cost.
func TestCost(t *testing.T) {
	f, err := New(testIdentity(t, "joe"), passphrase)
	if err != nil {
		t.Fatal(err)
	}
	header, err := io.ReadAll(armor.NewReader(strings.NewReader(f.secret())))
	if lines := bytes.Split(header, []byte("\n")); err != nil || !bytes.HasSuffix(lines[1], []byte(" 17")) {
		t.Errorf("%q, %v", lines[1], err)
	}
}

// A wrong passphrase, and none, are told from damage.
func TestWrongPassphrase(t *testing.T) {
	f := testFile(t, "joe", passphrase, testFactor)
	for _, wrong := range []string{"", "x", passphrase + " ", strings.ToUpper(passphrase)} {
		if _, err := f.Open(wrong); !fault.Is(err, fault.BadPassphrase) {
			t.Errorf("%q: %v", wrong, err)
		}
	}
}

// Attack: a file asks for more memory and time than we would take.
func TestCostIsCapped(t *testing.T) {
	f := testFile(t, "joe", passphrase, testFactor)
	secret := f.secret()
	var binary bytes.Buffer
	if _, err := binary.ReadFrom(armor.NewReader(strings.NewReader(secret))); err != nil {
		t.Fatal(err)
	}
	dear := bytes.Replace(binary.Bytes(), []byte(fmt.Sprintf(" %d\n", testFactor)), []byte(fmt.Sprintf(" %d\n", maxWorkFactor+1)), 1)
	var text strings.Builder
	w := armor.NewWriter(&text)
	_, _ = w.Write(dear)
	_ = w.Close()
	f.secret = func() string { return text.String() }
	if _, err := f.Open(passphrase); !fault.Is(err, fault.Damaged) || !strings.Contains(err.Error(), "cost") {
		t.Error(err)
	}
}

// A file that is damaged anywhere is never opened: each byte of it flipped, cut
// off, or followed by another.
func TestDamage(t *testing.T) {
	for _, passphrase := range []string{"", passphrase} {
		raw := testFile(t, "joe", passphrase, testFactor).Encode()
		secretAt := bytes.Index(raw, []byte("secret: "))
		check := func(what string, at int, damaged []byte) {
			t.Helper()
			f, err := Parse(damaged)
			if err == nil {
				_, err = f.Open(passphrase)
			}
			if err == nil && f.Public.Name == "joe" { // another name is the folder's to refuse
				t.Errorf("%s at %d of %d: it opens", what, at, len(raw))
			}
			if code := fault.CodeOf(err); err != nil && code != fault.Damaged && code != fault.Unsupported && code != fault.BadPassphrase {
				t.Errorf("%s at %d: %v", what, at, err)
			}
		}
		for at := range raw {
			if at > 250 && at < secretAt-20 && at%211 != 0 { // the middle of the public line, sampled
				continue
			}
			damaged := bytes.Clone(raw)
			damaged[at] ^= 1 << (at % 7)
			check("flipped", at, damaged)
			if at != len(raw)-1 || passphrase == "" { // armor does without its last line break
				check("cut", at, raw[:at])
			}
		}
		check("more", len(raw), append(bytes.Clone(raw), 'x'))
	}
}

// Attack: the public part of a file is another's, so that its owner gives out,
// or checks against, the wrong keys.
func TestPublicAndSecretHalvesMustMatch(t *testing.T) {
	for _, passphrase := range []string{"", passphrase} {
		mine := testFile(t, "joe", passphrase, testFactor)
		for _, other := range []keys.PublicIdentity{
			{Name: "joe", Signing: keys.NewSigningKey().Public(), Read: mine.Public.Read},
			{Name: "joe", Signing: mine.Public.Signing, Read: keys.NewReadKey().Public()},
		} {
			swapped := &File{Public: other, Encrypted: mine.Encrypted, secret: mine.secret}
			f, err := Parse(swapped.Encode())
			if err != nil {
				t.Fatal(err)
			}
			if _, err := f.Open(passphrase); !fault.Is(err, fault.Damaged) {
				t.Error(err)
			}
		}
	}
}

// A version to come has an error of its own, as has a file that is too large.
func TestVersionAndSize(t *testing.T) {
	raw := testFile(t, "joe", "", 0).Encode()
	if _, err := Parse(bytes.Replace(raw, []byte("-v1"), []byte("-v2"), 1)); !fault.Is(err, fault.Unsupported) {
		t.Error(err)
	}
	if _, err := Parse(append(raw, make([]byte, MaxSize)...)); !fault.Is(err, fault.TooLarge) {
		t.Error(err)
	}
	folder := Folder(t.TempDir())
	if err := os.WriteFile(folder.Path("joe"), make([]byte, 1<<20), fileMode); err != nil {
		t.Fatal(err)
	}
	if _, err := folder.Read("joe"); !fault.Is(err, fault.TooLarge) {
		t.Error(err)
	}
}

// Attack: a secret is read from an error or a log.
func TestSecretsDoNotPrint(t *testing.T) {
	id := testIdentity(t, "joe")
	plain := testFile(t, "joe", "", 0)
	var out strings.Builder
	show := func(v any) {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d", "%t"} {
			fmt.Fprintf(&out, verb+"\n", v)
		}
	}
	show(plain)
	show(*plain)
	show(Entry{Name: "joe", File: plain})
	raw := plain.Encode()
	for _, damaged := range [][]byte{
		raw[:len(raw)-1],
		append(bytes.Clone(raw), '\n'),
		append(bytes.TrimSuffix(bytes.Clone(raw), []byte("\n")), "!\n"...),
		bytes.Replace(raw, []byte("secret: plain\n"), []byte("secret: plain\n "), 1),
		bytes.Replace(raw, []byte("secret: plain\n"), []byte("secret: plain\n\n"), 1),
		bytes.Replace(raw, []byte("secret: plain"), []byte("secret: age"), 1),
		bytes.Replace(raw, []byte("secret: plain\n"), []byte("secret: age\n"+armor.Header+"\n"), 1),
		bytes.Replace(raw, []byte("secret: plain\n"), []byte("secret:"), 1),
		bytes.Replace(raw, []byte("public: "), []byte("secret: "), 1),
	} {
		f, err := Parse(damaged)
		if err == nil {
			_, err = f.Open(passphrase)
		}
		if err == nil {
			t.Errorf("%q opens", damaged[len(damaged)-150:])
		}
		for ; err != nil; err = errors.Unwrap(err) {
			show(err)
		}
	}
	encrypted := testFile(t, "joe", passphrase, testFactor)
	_, err := encrypted.Open(passphrase + "?")
	show(err)
	show(encrypted)
	secret := append(id.Signing.Seed(), id.Read.Seed()...)
	for at := 0; at+12 <= len(secret); at += 12 {
		part := secret[at : at+9]
		for _, shown := range []string{
			string(part), fmt.Sprintf("%x", part), strings.Trim(fmt.Sprint(part), "[]"),
			base64.RawURLEncoding.EncodeToString(part), base64.StdEncoding.EncodeToString(part), passphrase,
		} {
			if strings.Contains(out.String(), shown) {
				t.Fatalf("a secret was printed as %q", shown)
			}
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, raw := range [][]byte{
		testFile(f, "joe", "", 0).Encode(), testFile(f, "joe", passphrase, testFactor).Encode(), []byte("ate-key-v2\n"), []byte("ate-key-v1\nsigning: \n"),
	} {
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		file, err := Parse(raw)
		if err != nil {
			return
		}
		if !bytes.Equal(file.Encode(), raw) {
			t.Errorf("%q comes back as %q", raw, file.Encode())
		}
		if file.Encrypted { // a fuzzer's scrypt would take its time
			return
		}
		if id, err := file.Open(""); err == nil && id.Public().Text() != file.Public.Text() {
			t.Error("it opens as another identity")
		}
	})
}

// A key of Ed25519 alone has no place in a key file, which could not be read.
func TestNoEd25519(t *testing.T) {
	alone, err := keys.Ed25519SigningKey(ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)))
	if err != nil {
		t.Fatal(err)
	}
	id := &keys.Identity{Name: "joe", Signing: alone, Read: keys.NewReadKey()}
	if _, err := New(id, ""); !fault.Is(err, fault.Unsupported) {
		t.Errorf("got %v", err)
	}
}
