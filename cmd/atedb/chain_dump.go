package main

import (
	"bufio"
	"encoding/hex"
	"fmt"
	"io"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/atedb/atedb/core/control"
	"github.com/atedb/atedb/core/server"
	"github.com/atedb/atedb/plugins/storage/file"
	"github.com/atedb/atedb/sdk/chainname"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/keys"
	"github.com/atedb/atedb/sdk/plugin"
)

const dumpHelp = `Prints a chain's files record by record, whether a server runs or not, and changes
nothing. The lines are, their columns parted by tabs:

  record   file, offset, size, first and last seq, time, commit id, bytes of evidence
  event    seq, put or rm, key, type, parent, write and read authority, bytes of data
  damaged  file, offset, what is wrong there

A dash stands for what an event does not say. Behind a damaged place the dump goes
on at the next record that it finds; it exits with 1 then. What it finds by
searching may be data that was made to look like a record. Records that were not
moved to the chain's files yet are found in the journal.`

func newChainDump() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "dump NAME",
		Short:   "Print a chain's files record by record",
		Long:    dumpHelp,
		Version: plugin.BuildVersion(),
		Args:    oneChain,
	}
	data := cmd.Flags().Bool("data", false, "print the events' data too, in hexadecimal, as the last column")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		cfg, err := loadConfig(cmd)
		if err != nil {
			return err
		}
		path, err := folderOf(cfg)
		if err != nil {
			return err
		}
		folder, err := file.OpenFolder(path, nil)
		if err != nil {
			return err
		}
		defer folder.Close()
		state := "no server listens on its control socket"
		if client, err := control.Connect(cmd.Context(), server.ControlSocket(cfg)); err == nil {
			client.Close()
			state = "a server runs on it"
		}
		say(cmd, "looking at the folder %s; %s", path, state)
		d := dumper{out: bufio.NewWriter(cmd.OutOrStdout()), folder: path, data: *data}
		if err := folder.Dump(cmd.Context(), chainname.Name(args[0]), d.print); err != nil {
			return err
		}
		if err := d.out.Flush(); err != nil {
			return err
		}
		if d.damaged > 0 {
			return fault.New(fault.Damaged, "chain %s has %d damaged places", args[0], d.damaged)
		}
		return nil
	}
	return cmd
}

// dumper prints what a dump finds.
type dumper struct {
	out     *bufio.Writer
	folder  string
	data    bool
	damaged int
}

func (d *dumper) print(f *file.Found) error {
	path := f.File
	if short, err := filepath.Rel(d.folder, path); err == nil {
		path = short
	}
	if f.Err != nil {
		return d.printDamaged(path, f.Offset, f.Err)
	}
	b := &f.Batch
	if _, err := fmt.Fprintf(d.out, "record\t%s\t%d\t%d\t%d-%d\t%s\t%x\t%d\n", path, f.Offset, f.Size, b.First, b.Next()-1, formatTime(b.When()), b.Commit, len(b.Evidence)); err != nil {
		return err
	}
	seq := b.First
	for frame, err := range b.Events() {
		if err == nil {
			err = d.printEvent(seq, &frame)
		}
		if fault.CodeOf(err) == fault.Internal {
			return err // of printing
		}
		if err != nil {
			if err := d.printDamaged(path, f.Offset, fault.New(fault.Damaged, "event %d: %w", seq, err)); err != nil {
				return err
			}
		}
		seq++
	}
	return nil
}

func (d *dumper) printDamaged(path string, offset int64, reason error) error {
	d.damaged++
	_, err := fmt.Fprintf(d.out, "damaged\t%s\t%d\t%s\n", path, offset, fault.From(reason).Reason)
	return err
}

func (d *dumper) printEvent(seq event.Seq, f *event.Frame) error {
	h, err := event.DecodeHeader(f.Header)
	if err != nil {
		return err
	}
	kind := "put"
	if h.Tombstone {
		kind = "rm"
	}
	line := fmt.Sprintf("event\t%d\t%s\t%s\t%s\t%s\t%s\t%s\t%d", seq, kind, printable(string(h.Key)), orDash(h.Type),
		describeParent(&h.Parent), describeWrite(&h.Write), describeRead(&h.Read), f.DataLen)
	if d.data {
		line += "\t" + hex.EncodeToString(f.Data)
	}
	_, err = io.WriteString(d.out, line+"\n")
	return err
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return printable(s)
}

func describeParent(p *event.Parent) string {
	text := orDash(string(p.Key))
	if p.Top {
		text = "top"
	}
	if p.Collection != "" {
		text += " in " + printable(p.Collection)
	}
	return text
}

func describeWrite(w *event.WriteAuthority) string {
	switch w.Kind {
	case event.WriteInherit:
		return "inherit"
	case event.WriteEveryone:
		return "everyone"
	case event.WriteNobody:
		return "nobody"
	case event.WriteAnyOf:
		text := "any of"
		for _, id := range w.Keys {
			text += " " + keys.FormatID(id)
		}
		return text
	}
	return "-"
}

func describeRead(r *event.ReadAuthority) string {
	switch r.Kind {
	case event.ReadInherit:
		return "inherit"
	case event.ReadEveryone:
		return "everyone"
	case event.ReadByKey:
		return fmt.Sprintf("%s generation %d", r.Key, r.Generation)
	}
	return "-"
}
