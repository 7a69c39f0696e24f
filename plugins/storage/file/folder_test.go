package file

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/atedb/atedb/sdk/chainname"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/storage"
	"github.com/atedb/atedb/sdk/storage/storagetest"
)

func lookInto(t *testing.T, fs vfs.FS) *Folder {
	t.Helper()
	f, err := OpenFolder("/data/store", fs)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// readFolder returns what a folder's chains hold, read in pieces of some size.
func readFolder(t *testing.T, fs vfs.FS, size int) model {
	t.Helper()
	f := lookInto(t, fs)
	names, err := f.List(t.Context(), "", storage.MaxList)
	if err != nil {
		t.Fatal(err)
	}
	m := model{}
	for _, name := range names {
		c, err := f.Open(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		m[name] = readLooked(t, c, size)
		c.Close()
	}
	return m
}

func readLooked(t *testing.T, c *FolderChain, size int) modelChain {
	t.Helper()
	m := modelChain{next: c.State().Next}
	if blob, err := c.GetBlob(t.Context(), "blob"); err == nil {
		m.blob = string(blob)
	}
	for from := event.Seq(0); ; {
		records, err := c.Read(t.Context(), nil, from, size, false)
		if err != nil {
			t.Fatal(err)
		}
		if len(records) == 0 {
			break
		}
		m.records = append(m.records, records...)
		if from, err = lastNext(records); err != nil {
			t.Fatal(err)
		}
	}
	if state := c.State(); state.Bytes != uint64(len(m.records)) {
		t.Errorf("there are %d bytes of records, and State says %+v", len(m.records), state)
	}
	return m
}

// TestFolderIsWhatAStoreRecovers takes copies of the disk at random moments of
// random operations, drops included, as a loss of power leaves it. Looked into,
// each holds exactly what a store has that recovers it.
func TestFolderIsWhatAStoreRecovers(t *testing.T) {
	copies, unmoved := 0, 0
	for seed := range 4 {
		w := &workload{t: t, rng: rand.New(rand.NewPCG(uint64(seed), 99)), chains: map[chainname.Name]modelChain{}}
		w.run(vfs.NewCrashableMem(), 40)
		for _, c := range w.copies {
			if _, err := OpenFolder("/data/store", c.fs); fault.Is(err, fault.NotFound) {
				continue // power was lost before the store was made
			}
			copies++
			got := readFolder(t, c.fs, 1+w.rng.IntN(5000))
			for name := range got {
				v, err := lookInto(t, c.fs).look(t.Context(), name, func(_ string, _ int64, err error) error { return err })
				if err == nil && v.parts[len(v.parts)-1].overlaps {
					unmoved++
				}
			}
			s := open(t, tiny(c.fs))
			if want := contents(t, s); got.String() != want.String() {
				t.Errorf("seed %d: looked into it has\n%.3000s\nrecovered\n%.3000s", seed, got, want)
			}
			shutdown(t, s)
		}
	}
	t.Logf("%d copies; %d chains had records that were in the journal alone", copies, unmoved)
	if copies < 10 || unmoved < 10 {
		t.Error("that is too few to prove anything")
	}
}

// TestFolderReads reads from every seq on, in pieces of several sizes, with data
// and without, what an open chain of a store gives for the same.
func TestFolderReads(t *testing.T) {
	fs := vfs.NewCrashableMem()
	s := open(t, tiny(fs))
	c := mustOpen(t, s, "g/a")
	for next := event.Seq(0); next < 40; next += 2 {
		mustAppend(t, s, c, storagetest.Record(next, 2, 300))
	}
	if _, err := c.Drop(t.Context(), storage.DropSet{{First: 3, End: 6}, {First: 9, End: 21}}); err != nil {
		t.Fatal(err)
	}
	mustAppend(t, s, c, storagetest.Record(40, 3, 100))
	looked, err := lookInto(t, fs.CrashClone(vfs.CrashCloneCfg{})).Open(t.Context(), "g/a")
	if err != nil {
		t.Fatal(err)
	}
	defer looked.Close()
	if got, want := looked.State(), c.State(); got != want {
		t.Errorf("State is %+v, the store's %+v", got, want)
	}
	for _, headersOnly := range []bool{false, true} {
		for _, size := range []int{0, 700, 3000, 1 << 20} {
			for from := event.Seq(44); ; from-- { // backwards, so that every Read begins anew
				got, err := looked.Read(t.Context(), []byte("x"), from, size, headersOnly)
				want, wantErr := c.Read(t.Context(), []byte("x"), from, size, headersOnly)
				if err != nil || wantErr != nil {
					t.Fatal(err, wantErr)
				}
				// A store may end a Read earlier, at the end of a segment.
				if full := len(got) > len(want) && len(got) <= size+1; !strings.HasPrefix(string(got), string(want)) || len(got) != len(want) && !full {
					t.Fatalf("Read(%d, %d, %v) gives%s; a store%s", from, size, headersOnly, seqs(got[1:]), seqs(want[1:]))
				}
				if from == 0 {
					break
				}
			}
		}
	}
	shutdown(t, s)
}

// TestFolderChangesNothing looks into the folder of a store that died, through a
// file system on which every change fails.
func TestFolderChangesNothing(t *testing.T) {
	died := unsettled(t, vfs.NewCrashableMem(), []string{"g/a"}, 0, 6)
	before := died.String()
	if got := readFolder(t, died, 1000)["g/a"]; string(got.records) != string(storagetest.Records(0, 6, 1, 400)) {
		t.Errorf("it has%s", seqs(got.records))
	}
	if err := lookInto(t, died).Dump(t.Context(), "g/a", func(*Found) error { return nil }); err != nil {
		t.Error(err)
	}
	if after := died.String(); after != before {
		t.Errorf("the folder was\n%s\nand is\n%s", before, after)
	}
	ro := readOnly{died}
	for what, err := range map[string]error{
		"Remove": ro.Remove("/data/store/FORMAT"), "RemoveAll": ro.RemoveAll("/data"), "Rename": ro.Rename("/data/store/FORMAT", "/x"),
		"MkdirAll": ro.MkdirAll("/x", 0o700), "Link": ro.Link("/data/store/FORMAT", "/x"),
		"Create": errorOf(ro.Create("/x", "")), "OpenReadWrite": errorOf(ro.OpenReadWrite("/data/store/FORMAT", "")),
		"ReuseForWrite": errorOf(ro.ReuseForWrite("/data/store/FORMAT", "/x", "")), "Lock": errorOf(ro.Lock("/x")),
	} {
		if !fault.Is(err, fault.Internal) {
			t.Errorf("%s on a folder that is looked at: %v", what, err)
		}
	}
}

func errorOf[T any](_ T, err error) error { return err }

// TestFolderRefuses has a folder that is none, chains that are not there, and
// every kind of file as a later release would write it.
func TestFolderRefuses(t *testing.T) {
	if _, err := OpenFolder("/data/store", vfs.NewMem()); !fault.Is(err, fault.NotFound) {
		t.Errorf("a folder that is not there: %v", err)
	}
	fs, _ := settled(t)
	if _, err := lookInto(t, fs).Open(t.Context(), "g/b"); !fault.Is(err, fault.NotFound) {
		t.Errorf("a chain that is not there: %v", err)
	}
	if err := lookInto(t, fs).Dump(t.Context(), "g/b", nil); !fault.Is(err, fault.NotFound) {
		t.Errorf("dumping a chain that is not there: %v", err)
	}
	segments := filesOf(t, fs, chainDir, segmentPrefix)
	for _, path := range []string{
		"/data/store/FORMAT", filesOf(t, fs, "/data/store/journal", "")[0], chainDir + "/CHAIN",
		chainDir + "/BLOB-blob", segments[0], segments[len(segments)-1],
	} {
		b := content(t, fs, path)
		binary.LittleEndian.PutUint32(b[8:], formatVersion+1)
		err := tryLook(t, fs)
		binary.LittleEndian.PutUint32(b[8:], formatVersion)
		if !fault.Is(err, fault.Unsupported) || !strings.Contains(err.Error(), path+" has format version 2") {
			t.Errorf("%s of a later version: %v", path, err)
		}
	}
	if err := tryLook(t, fs); err != nil {
		t.Error(err)
	}
}

// tryLook reads the chain and its blob and returns the first error.
func tryLook(t *testing.T, fs vfs.FS) error {
	t.Helper()
	f, err := OpenFolder("/data/store", fs)
	if err != nil {
		return err
	}
	c, err := f.Open(t.Context(), "g/a")
	if err != nil {
		return err
	}
	defer c.Close()
	if _, err := c.GetBlob(t.Context(), "blob"); err != nil && !fault.Is(err, fault.NotFound) {
		return err
	}
	_, err = c.Read(t.Context(), nil, 0, 1<<20, false)
	return err
}

// TestFolderFindsDamage flips a bit in each byte of what is looked at. Whatever
// a store finds is found.
func TestFolderFindsDamage(t *testing.T) {
	fs, want := settled(t)
	for _, path := range filesOf(t, fs, chainDir, "") {
		b := content(t, fs, path)
		for i := 0; i < len(b); i += 3 {
			b[i] ^= 1 << (i % 8)
			err := tryLook(t, fs)
			b[i] ^= 1 << (i % 8)
			inFooter := strings.Contains(path, segmentPrefix) && i >= len(b)-footerHeader-footerEntry
			if err == nil && !inFooter || err != nil && !strings.Contains(err.Error(), path) {
				t.Fatalf("a flipped bit at %d of %s, of %d bytes: %v", i, path, len(b), err)
			}
		}
	}
	if got := readFolder(t, fs, 5000)["g/a"]; string(got.records) != string(want) {
		t.Errorf("with all bits as they were there is%s", seqs(got.records))
	}
	died := unsettled(t, vfs.NewCrashableMem(), []string{"g/a"}, 0, 6)
	for _, path := range filesOf(t, died, "/data/store/journal", "JOURNAL") {
		if b := content(t, died, path); b[12] == stateLive {
			b[2*block+100] ^= 1
			if err := tryLook(t, died); !fault.Is(err, fault.Damaged) || !strings.Contains(err.Error(), fmt.Sprintf("%s is damaged at offset %d", path, 2*block)) {
				t.Errorf("a damaged round: %v", err)
			}
		}
	}
}

// TestFolderSalvage looks at a chain whose newest records a store could not put
// into its damaged file and kept beside it.
func TestFolderSalvage(t *testing.T) {
	died := unsettled(t, unsettledThenSettled(t, vfs.NewCrashableMem()), []string{"g/a", "g/b"}, 10, 10)
	path := filesOf(t, died, chainDir, segmentPrefix)[0]
	content(t, died, path)[segmentHeader+20] ^= 1
	shutdown(t, open(t, tiny(died)))
	if err := tryLook(t, died); !fault.Is(err, fault.Damaged) || !strings.Contains(err.Error(), path) {
		t.Errorf("the damaged chain: %v", err)
	}
	content(t, died, path)[segmentHeader+20] ^= 1
	if got := readFolder(t, died, 900)["g/a"]; string(got.records) != string(storagetest.Records(0, 20, 1, 400)) {
		t.Errorf("the mended chain has%s", seqs(got.records))
	}
}

// TestHold runs this test's program again as another process, which uses a
// store: who holds the folder keeps it out, and the other way round.
func TestHold(t *testing.T) {
	if dir := os.Getenv("ATEDB_TEST_USE"); dir != "" {
		s, err := Open(Options{Path: dir, lockPatience: 1})
		fmt.Println("opened:", err)
		if err == nil {
			bufferedWait()
			shutdown(t, s)
		}
		return
	}
	dir := t.TempDir()
	shutdown(t, open(t, Options{Path: dir}))
	f, err := OpenFolder(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Hold(); err != nil {
		t.Fatal(err)
	}
	use := func() *exec.Cmd {
		cmd := exec.Command(os.Args[0], "-test.run=^TestHold$", "-test.v")
		cmd.Env = append(os.Environ(), "ATEDB_TEST_USE="+dir)
		return cmd
	}
	if out, _ := use().CombinedOutput(); !strings.Contains(string(out), "is locked by another process") {
		t.Errorf("while the folder is held a store says: %s", out)
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	user := use()
	in, err := user.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := user.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := user.Start(); err != nil {
		t.Fatal(err)
	}
	said := make([]byte, 4096)
	for got := ""; !strings.Contains(got, "opened: <nil>"); {
		n, err := out.Read(said)
		if got += string(said[:n]); err != nil {
			t.Fatalf("the user says %q: %v", got, err)
		}
	}
	g, err := OpenFolder(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	g.store.options.lockPatience = 1
	if err := g.Hold(); !fault.Is(err, fault.Unavailable) {
		t.Errorf("holding a folder in use: %v", err)
	}
	in.Close()
	if err := user.Wait(); err != nil {
		t.Error(err)
	}
	if err := os.Remove(filepath.Join(dir, lockName)); err != nil {
		t.Fatal(err)
	}
	if err := g.Hold(); err != nil {
		t.Errorf("holding a copy without a lock: %v", err)
	}
}

// bufferedWait waits until standard input is closed.
func bufferedWait() { os.Stdin.Read(make([]byte, 1)) }

// TestFolderOf tables whose folder a block of the configuration means.
func TestFolderOf(t *testing.T) {
	for block, want := range map[string]string{`{}`: "/logs", `{"path":"/other"}`: "/other"} {
		if got, err := FolderOf([]byte(block), "/logs"); err != nil || got != want {
			t.Errorf("%s means %s, %v", block, got, err)
		}
	}
	if _, err := FolderOf([]byte(`{"pfad":""}`), "/logs"); !fault.Is(err, fault.BadConfig) {
		t.Errorf("an unknown key: %v", err)
	}
}

// TestFolderGivesUp ends when its caller does.
func TestFolderGivesUp(t *testing.T) {
	fs, _ := settled(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := lookInto(t, fs).Open(ctx, "g/a"); !fault.Is(err, fault.Unavailable) {
		t.Errorf("got %v", err)
	}
}
