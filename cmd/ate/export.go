package main

import (
	"bufio"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/atedb/atedb/cmd/ate/internal/archive"
	"github.com/atedb/atedb/sdk/client"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
)

// Bounds of what export and import hold at a time. One event may be larger.
const (
	chunkEvents = 500
	chunkBytes  = 4 << 20
)

func newExport(set *settings) *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:   "export URL",
		Short: "Write the chain's live objects as a stream that import reads",
		Long:  "Export writes the chain's live objects to standard output or a file, as a stream that import reads.\nA file takes its name only once it is complete.",
		Args:  chainArgs(0, 0),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := set.dial(cmd, args[0], false)
			if err != nil {
				return err
			}
			defer s.Close()
			if output == "" || output == "-" {
				return export(s, cmd.OutOrStdout())
			}
			return writeFile(output, func(w io.Writer) error { return export(s, w) })
		},
	}
	cmd.Flags().StringVarP(&output, "output", "o", "", "the file to write instead of standard output")
	return cmd
}

func export(s *session, w io.Writer) error {
	live, err := liveObjects(s)
	if err != nil {
		return err
	}
	out := bufio.NewWriterSize(w, 64<<10)
	aw, err := archive.NewWriter(out)
	if err != nil {
		return err
	}
	if err := exportLog(s, aw, live); err != nil {
		return err
	}
	for objects := parentsFirst(live); len(objects) > 0; {
		n := chunk(objects, func(o object) int { return o.size })
		if err := exportChunk(s, aw, objects[:n]); err != nil {
			return err
		}
		objects = objects[n:]
	}
	if err := aw.Close(); err != nil {
		return err
	}
	return out.Flush()
}

// exportLog writes the objects in the order of the log, which is the fastest,
// and removes them from live. It leaves those that stand under one that has
// not been written yet.
func exportLog(s *session, w *archive.Writer, live map[string]object) error {
	sub, err := s.Subscribe(client.SubscribeOptions{})
	if err != nil {
		return err
	}
	defer sub.Close()
	for len(live) > 0 {
		e, err := sub.Next(s.ctx)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		o, ok := live[string(e.Header.Key)]
		_, parentWaits := live[o.parent]
		if !ok || o.seq != e.Seq || parentWaits {
			continue
		}
		if err := w.Write(entryOf(e)); err != nil {
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

// exportChunk writes objects by themselves, as they were when the log was read. One whose
// event has been compacted away since is written as it is now, if it is.
func exportChunk(s *session, w *archive.Writer, objects []object) error {
	seqs := make([]event.Seq, len(objects))
	gone := make(map[string]bool, len(objects))
	for i, o := range objects {
		seqs[i] = o.seq
		gone[o.key] = true
	}
	found, err := s.LoadSeqs(s.ctx, seqs...)
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
	newer, err := s.LoadKeys(s.ctx, keys...)
	if err != nil {
		return err
	}
	for _, e := range append(found, newer...) {
		if err := w.Write(entryOf(e)); err != nil {
			return err
		}
	}
	return nil
}

func entryOf(e client.StoredEvent) archive.Entry {
	return archive.Entry{Seq: e.Seq, Time: e.Time.UnixMicro(), Commit: e.Commit, Header: e.RawHeader, Data: e.Data}
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
