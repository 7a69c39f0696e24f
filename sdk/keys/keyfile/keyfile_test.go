package keyfile

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
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

// A key file or folder that others can get at is refused, with what to do.
func TestPermissions(t *testing.T) {
	folder := Folder(filepath.Join(t.TempDir(), "keys"))
	if err := folder.Create(testFile(t, "joe", "", 0)); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]os.FileMode{folder.Path("joe"): 0o600, string(folder): 0o700} {
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v", path, info.Mode(), err)
		}
	}
	for _, mode := range []os.FileMode{0o640, 0o604, 0o660, 0o601, 0o644} {
		if err := os.Chmod(folder.Path("joe"), mode); err != nil {
			t.Fatal(err)
		}
		if _, err := folder.Read("joe"); !fault.Is(err, fault.BadConfig) || !strings.Contains(err.Error(), "chmod 600 ") {
			t.Errorf("%o: %v", mode, err)
		}
	}
	if err := os.Chmod(folder.Path("joe"), 0o400); err != nil {
		t.Fatal(err)
	}
	if _, err := folder.Read("joe"); err != nil {
		t.Error("a file that only its owner can read:", err)
	}
	if err := os.Chmod(string(folder), 0o720); err != nil {
		t.Fatal(err)
	}
	if _, err := folder.Read("joe"); !fault.Is(err, fault.BadConfig) || !strings.Contains(err.Error(), "chmod 700 ") {
		t.Error(err)
	}
	if err := folder.Create(testFile(t, "ann", "", 0)); !fault.Is(err, fault.BadConfig) {
		t.Error(err)
	}
}

// Of creators of one name at once, one succeeds and its file stays; nothing
// else is left behind.
func TestRaceOfCreators(t *testing.T) {
	folder := Folder(filepath.Join(t.TempDir(), "keys"))
	const creators = 8
	var (
		all   sync.WaitGroup
		files [creators]*File
		errs  [creators]error
	)
	for i := range creators {
		all.Go(func() {
			id, err := keys.NewIdentity("joe")
			if err == nil {
				files[i], err = New(id, "")
			}
			if err == nil {
				err = folder.Create(files[i])
			}
			errs[i] = err
		})
	}
	all.Wait()
	got, err := folder.Read("joe")
	if err != nil {
		t.Fatal(err)
	}
	won := 0
	for i, err := range errs {
		switch {
		case err == nil:
			won++
			if !bytes.Equal(got.Encode(), files[i].Encode()) {
				t.Error("the file is not that of the one who succeeded")
			}
		case !fault.Is(err, fault.BadRequest) || !strings.Contains(err.Error(), "already"):
			t.Error(err)
		}
	}
	found, _ := os.ReadDir(string(folder))
	if won != 1 || len(found) != 1 {
		t.Errorf("%d succeeded, %d files are there", won, len(found))
	}
}

// A name that is taken stays as it is, also when a dangling link has it.
func TestCreateTakesNoPlace(t *testing.T) {
	folder := Folder(t.TempDir())
	target := filepath.Join(t.TempDir(), "elsewhere")
	if err := os.Symlink(target, folder.Path("joe")); err != nil {
		t.Fatal(err)
	}
	if err := folder.Create(testFile(t, "joe", "", 0)); !fault.Is(err, fault.BadRequest) {
		t.Error(err)
	}
	if _, err := os.Stat(target); err == nil {
		t.Error("the key was written through the link")
	}
}

// A list has every key by name, the bad ones with their errors, and nothing
// else; a folder that is not there is an empty one.
func TestList(t *testing.T) {
	folder := Folder(filepath.Join(t.TempDir(), "keys"))
	if entries, err := folder.List(); err != nil || len(entries) != 0 {
		t.Error(entries, err)
	}
	for _, name := range []string{"a", "a-b", "joe"} {
		if err := folder.Create(testFile(t, name, "", 0)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Rename(folder.Path("joe"), folder.Path("ann")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{".a-1.tmp", "note.txt", "UPPER.key", ".key"} {
		if err := os.WriteFile(filepath.Join(string(folder), name), nil, fileMode); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(folder.Path("dir"), folderMode); err != nil {
		t.Fatal(err)
	}
	entries, err := folder.List()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, fmt.Sprintf("%s %s", e.Name, fault.CodeOf(e.Err)))
	}
	if want := "a , a-b , ann bad_config, dir bad_config"; strings.Join(got, ", ") != want {
		t.Errorf("got  %s\nwant %s", strings.Join(got, ", "), want)
	}
	if _, err := folder.Read("bob"); !fault.Is(err, fault.NotFound) {
		t.Error(err)
	}
	if _, err := folder.Read("../keys/a"); !fault.Is(err, fault.BadRequest) {
		t.Error(err)
	}
}

// The folder follows ATE_HOME, and else the user's configuration.
func TestDefaultFolder(t *testing.T) {
	t.Setenv("ATE_HOME", "/x")
	if d, err := DefaultFolder(); err != nil || d != "/x/keys" {
		t.Error(d, err)
	}
	t.Setenv("ATE_HOME", "")
	t.Setenv("XDG_CONFIG_HOME", "/y")
	if d, err := DefaultFolder(); err != nil || d != "/y/ate/keys" {
		t.Error(d, err)
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
