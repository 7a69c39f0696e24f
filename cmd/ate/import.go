package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/atedb/atedb/cmd/ate/internal/archive"
	"github.com/atedb/atedb/sdk/client"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
)

func newImport(set *settings) *cobra.Command {
	return &cobra.Command{
		Use:   "import URL",
		Short: "Store the objects of an export from standard input",
		Long:  "Import stores the objects of an export that it reads from standard input, and makes the chain if there is none.\nAn object that has the same value already is left as it is, so that an import can be run again.",
		Args:  chainArgs(0, 0),
		RunE: func(cmd *cobra.Command, args []string) error {
			in, err := archive.NewReader(bufio.NewReaderSize(cmd.InOrStdin(), 64<<10))
			if err != nil {
				return err
			}
			s, err := set.dial(cmd, args[0], true)
			if err != nil {
				return err
			}
			defer s.Close()
			i := importer{session: s, in: in, progress: newProgress(cmd.ErrOrStderr(), "importing")}
			err = i.run()
			i.progress.end()
			if err != nil {
				return explain(err, "%d objects were imported and %d were there before this", i.stored, i.same)
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "imported %d objects, %d were there already\n", i.stored, i.same)
			return err
		},
	}
}

type importer struct {
	session  *session
	in       *archive.Reader
	progress *progress
	held     *item // read, but for the next chunk
	stored   int
	same     int
}

// run imports chunk by chunk. What stands before damage is imported.
func (i *importer) run() error {
	for {
		items, readErr := i.read()
		if err := i.store(items); err != nil {
			return err
		}
		i.progress.set(i.stored + i.same)
		if readErr == io.EOF {
			return nil
		}
		if readErr != nil {
			return readErr
		}
	}
}

// item is an entry with the key of its object.
type item struct {
	archive.Entry
	key []byte
}

// read returns the next chunk, and why there is none after it.
func (i *importer) read() (items []item, err error) {
	size := 0
	if i.held != nil {
		items, size = append(items, *i.held), len(i.held.Data)
		i.held = nil
	}
	for len(items) < chunkEvents {
		next, err := i.next()
		if err != nil {
			return items, err
		}
		if size += len(next.Header) + len(next.Data); size > chunkBytes && len(items) > 0 {
			i.held = &next
			break
		}
		items = append(items, next)
	}
	return items, nil
}

func (i *importer) next() (item, error) {
	e, err := i.in.Next()
	if err != nil {
		return item{}, err
	}
	header, err := event.DecodeHeader(e.Header)
	if err == nil && (header.Tombstone || event.IsReserved(header.Key)) {
		err = fault.New(fault.Damaged, "the key %q is not of a live object that a client may write", header.Key)
	}
	if err != nil {
		return item{}, explain(err, "the export's event at offset %d", e.Offset)
	}
	return item{e, header.Key}, i.checkReadable(&e, &header)
}

// checkReadable refuses an encrypted object that nobody could read in this
// chain.
func (i *importer) checkReadable(e *archive.Entry, h *event.Header) error {
	if h.Encryption == (event.Encryption{}) {
		return nil
	}
	in, err := i.session.Authority(i.session.ctx, h.Key, h.Parent.Key)
	if err != nil {
		return err
	}
	if in.Read.Kind != event.ReadByKey || in.Read.Key != h.Encryption.Key {
		return fault.New(fault.NotEncrypted, "the object %q at offset %d is encrypted for the chain that it was exported from, and nobody can read it in another; export that with --decrypt", h.Key, e.Offset)
	}
	return nil
}

// store commits those of the items that the chain does not hold already.
func (i *importer) store(items []item) error {
	if len(items) == 0 {
		return nil
	}
	keys := make([][]byte, len(items))
	for n, item := range items {
		keys[n] = item.key
	}
	found, err := i.session.LoadKeys(i.session.ctx, keys...)
	if err != nil {
		return err
	}
	present := make(map[string]*client.StoredEvent, len(found))
	for n := range found {
		present[string(found[n].Header.Key)] = &found[n]
	}
	var events []client.Event
	for _, item := range items {
		if e := present[string(item.key)]; e == nil || !bytes.Equal(e.RawHeader, item.Header) || !bytes.Equal(e.Data, item.Data) {
			events = append(events, client.Event{RawHeader: item.Header, Data: item.Data})
		}
	}
	if len(events) > 0 {
		if _, err := i.session.Commit(i.session.ctx, events...); err != nil {
			return explain(err, "storing the events at offsets %d to %d", items[0].Offset, items[len(items)-1].Offset)
		}
	}
	i.stored += len(events)
	i.same += len(items) - len(events)
	return nil
}
