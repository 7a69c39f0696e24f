package main

import (
	"bufio"
	"io"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"strings"

	"github.com/spf13/cobra"

	"github.com/atedb/atedb/cmd/ate/internal/archive"
	"github.com/atedb/atedb/sdk/client"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/secrecy"
)

// Bounds of what export and import hold at a time. One event may be larger.
const (
	chunkEvents = 500
	chunkBytes  = 4 << 20
)

func newExport(set *settings) *cobra.Command {
	var output string
	var decrypt bool
	cmd := &cobra.Command{
		Use:   "export URL",
		Short: "Write the chain's live objects as a stream that import reads",
		Long:  "Export writes the chain's live objects to standard output or a file, as a stream that import reads.\nEncrypted data belongs to its chain: for another one, export it with --decrypt.\nA file takes its name only once it is complete.",
		Args:  chainArgs(0, 0),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := set.dial(cmd, args[0], false)
			if err != nil {
				return err
			}
			defer s.Close()
			x := exporter{session: s, decrypt: decrypt}
			if output == "" || output == "-" {
				return x.run(cmd.OutOrStdout())
			}
			return writeFile(output, x.run)
		},
	}
	cmd.Flags().StringVarP(&output, "output", "o", "", "the file to write instead of standard output")
	cmd.Flags().BoolVar(&decrypt, "decrypt", false, "write the data that your key can read in clear text, and nothing of who else may read it")
	return cmd
}

// exporter writes a chain's live objects.
type exporter struct {
	*session
	decrypt bool
}

func (x *exporter) run(w io.Writer) error {
	live, err := liveObjects(x.session)
	if err != nil {
		return err
	}
	if x.decrypt {
		maps.DeleteFunc(live, func(key string, _ object) bool { return strings.HasPrefix(key, secrecy.RecordPrefix) })
	}
	out := bufio.NewWriterSize(w, 64<<10)
	aw, err := archive.NewWriter(out)
	if err != nil {
		return err
	}
	if err := x.writeLog(aw, live); err != nil {
		return err
	}
	for objects := parentsFirst(live); len(objects) > 0; {
		n := chunk(objects, func(o object) int { return o.size })
		if err := x.writeChunk(aw, objects[:n]); err != nil {
			return err
		}
		objects = objects[n:]
	}
	if err := aw.Close(); err != nil {
		return err
	}
	return out.Flush()
}

// writeLog writes the objects in the order of the log, which is the fastest,
// and removes them from live. It leaves those that stand under one that has
// not been written yet.
func (x *exporter) writeLog(w *archive.Writer, live map[string]object) error {
	sub, err := x.Subscribe(client.SubscribeOptions{})
	if err != nil {
		return err
	}
	defer sub.Close()
	for len(live) > 0 {
		e, err := sub.Next(x.ctx)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		o, ok := live[string(e.Header.Key)]
		_, parentWaits := live[string(o.parent.Key)]
		if !ok || o.seq != e.Seq || parentWaits {
			continue
		}
		if err := x.write(w, e, o); err != nil {
			return err
		}
		delete(live, o.key)
	}
	return nil
}

// chunk returns how many of the first items are handled together, at least one.
func chunk[T any](items []T, size func(T) int) int {
	n, bytes := 0, 0
	for n < min(len(items), chunkEvents) && (n == 0 || bytes+size(items[n]) <= chunkBytes) {
		bytes += size(items[n])
		n++
	}
	return n
}

// writeChunk writes objects by themselves, as they were when the log was read. One whose
// event has been compacted away since is written as it is now, if it is.
func (x *exporter) writeChunk(w *archive.Writer, objects []object) error {
	seqs := make([]event.Seq, len(objects))
	byKey := make(map[string]object, len(objects))
	gone := make(map[string]bool, len(objects))
	for i, o := range objects {
		seqs[i], byKey[o.key], gone[o.key] = o.seq, o, true
	}
	found, err := x.LoadSeqs(x.ctx, seqs...)
	if err != nil {
		return err
	}
	for i := range found {
		delete(gone, string(found[i].Header.Key))
	}
	var keys [][]byte
	for key := range gone {
		keys = append(keys, []byte(key))
	}
	newer, err := x.LoadKeys(x.ctx, keys...)
	if err != nil {
		return err
	}
	for _, e := range append(found, newer...) {
		o := byKey[string(e.Header.Key)]
		o.note(&e.Header)
		if err := x.write(w, e, o); err != nil {
			return err
		}
	}
	return nil
}

// write writes an object's newest event, with what earlier ones have said of
// the object.
func (x *exporter) write(w *archive.Writer, e client.StoredEvent, o object) error {
	header := e.Header
	header.Parent, header.Write, header.Read = o.parent, o.write, o.read
	if x.decrypt {
		if err := x.Decrypt(x.ctx, &e); err != nil {
			return err
		}
		header.Encryption = event.Encryption{}
		if header.Read.Kind == event.ReadByKey {
			header.Read = event.ReadAuthority{}
		}
	}
	raw := e.RawHeader
	if !reflect.DeepEqual(header, e.Header) { // else fields that this release does not know survive
		var err error
		if raw, err = header.Encode(); err != nil {
			return err
		}
	}
	return w.Write(archive.Entry{Seq: e.Seq, Time: e.Time.UnixMicro(), Commit: e.Commit, Header: raw, Data: e.Data})
}

// writeFile has write fill a file that takes its name only when it is complete
// and on the disk.
func writeFile(name string, write func(io.Writer) error) error {
	f, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+".*")
	if err != nil {
		return fault.New(fault.Unavailable, "making the file %s: %w", name, err)
	}
	defer os.Remove(f.Name()) // fails once it has its name
	err = write(f)
	if err == nil {
		err = f.Sync()
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil && fault.CodeOf(err) == fault.Internal {
		return fault.New(fault.Unavailable, "writing the file %s: %w", name, err)
	}
	return err
}
