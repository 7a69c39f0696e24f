package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/atedb/atedb/cmd/ate/internal/savedlog"
	"github.com/atedb/atedb/sdk/chainname"
	"github.com/atedb/atedb/sdk/checkpoint"
	"github.com/atedb/atedb/sdk/client"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/keys"
	"github.com/atedb/atedb/sdk/merkle"
	"github.com/atedb/atedb/sdk/verify"
	"github.com/atedb/atedb/sdk/wire"
)

func newVerify(set *settings) *cobra.Command {
	var offline, save string
	cmd := &cobra.Command{
		Use:   "verify URL",
		Short: "Verify a whole chain, and say what was checked",
		Long: "Verify reads a whole chain and checks every hash, the root that the server signed and, in distributed trust, every seal\n" +
			"and every signer's authority. With --save it keeps what it verified in a file; with --offline it verifies such a file\n" +
			"without asking the server.",
		Args: chainArgs(0, 0),
		RunE: func(cmd *cobra.Command, args []string) error {
			if offline != "" {
				return verifyFile(cmd, args[0], offline)
			}
			return verifyOnline(cmd, set, args[0], save)
		},
	}
	cmd.Flags().StringVar(&offline, "offline", "", "verify this `file` that --save wrote")
	cmd.Flags().StringVar(&save, "save", "", "keep the log in this `file`, which must not exist")
	cmd.MarkFlagsMutuallyExclusive("offline", "save")
	return cmd
}

func verifyOnline(cmd *cobra.Command, set *settings, url, save string) error {
	s, err := set.dial(cmd, url, false)
	if err != nil {
		return err
	}
	defer s.Close()
	out := savedlog.NewWriter(io.Discard)
	if save != "" {
		f, err := os.OpenFile(save, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		if err != nil {
			return fault.New(fault.BadRequest, "the file to save to cannot be made: %w", err)
		}
		defer f.Close()
		out = savedlog.NewWriter(f)
	}
	log, err := followAll(s, newProgress(cmd.ErrOrStderr(), "verifying"), out)
	if err != nil {
		return err
	}
	if err := out.Close(); err != nil {
		return fault.New(fault.Unavailable, "writing %s: %w", save, err)
	}
	return log.report(cmd.OutOrStdout())
}

// verified is a log with the head that somebody signed for it.
type verified struct {
	*verify.Log
	key    keys.PublicKey // who signed
	server string         // who that is; "" without a connection
	head   merkle.Head
}

// followAll verifies the chain up to the head that the server signs now, and
// saves what it is sent.
func followAll(s *session, shown *progress, out *savedlog.Writer) (*verified, error) {
	defer shown.end()
	chain := s.Chain()
	note, err := s.Checkpoint(s.ctx)
	if err != nil {
		return nil, err
	}
	v, err := open(s.Server().Signing, note, chain.Record, s.Leaves)
	if err != nil {
		return nil, err
	}
	v.server = describe(s.Server())
	if err := errors.Join(out.Write(savedlog.Server, v.key.Bytes()), out.Write(savedlog.Checkpoint, []byte(note)), saveLeaves(s, out, v.head.Size)); err != nil {
		return nil, err
	}
	if err := out.Write(savedlog.Records, chain.Record); err != nil {
		return nil, err
	}
	sub, err := s.Subscribe(client.SubscribeOptions{From: 1})
	if err != nil {
		return nil, err
	}
	for uint64(v.Next()) < v.head.Size {
		batch, err := sub.NextBatch(s.ctx)
		if err == io.EOF {
			return nil, fault.New(fault.Forked, "the server's events end at seq %d, and it signed the head %s", v.Next(), v.head)
		}
		if err == nil {
			err = v.Add(s.ctx, &batch)
		}
		if err == nil {
			err = out.Write(savedlog.Records, batch.AppendRecord(nil))
		}
		if err != nil {
			return nil, err
		}
		shown.set(int(v.Next()))
	}
	return v, v.CheckHead(s.ctx, v.head)
}

func saveLeaves(s *session, out *savedlog.Writer, size uint64) error {
	const step = 1 << 15
	for at := uint64(0); at < size; at += step {
		leaves, err := s.Leaves(s.ctx, event.Seq(at), int(min(step, size-at)))
		if err != nil {
			return err
		}
		var payload []byte
		for i := range leaves {
			payload = append(payload, leaves[i][:]...)
		}
		if err := out.Write(savedlog.Leaves, payload); err != nil {
			return err
		}
	}
	return nil
}

// open checks the signature of a checkpoint and begins the log of its chain.
func open(signing []byte, note string, genesis []byte, leaves verify.Leaves) (*verified, error) {
	key, err := keys.ParsePublicKey(signing)
	if err != nil {
		return nil, err
	}
	log, err := verify.New(genesis, leaves)
	if err != nil {
		return nil, err
	}
	head, err := checkpoint.Open(note, key, log.Chain())
	if err != nil {
		return nil, err
	}
	return &verified{Log: log, key: key, head: head}, nil
}

// report says what was checked.
func (v *verified) report(w io.Writer) error {
	genesis, counts := v.Genesis(), v.Counts()
	writers := fmt.Sprintf("seals checked: %d, all good, each of a signer who had the authority to write what it sealed", counts.Seals)
	if genesis.Trust == event.Centralized {
		writers = "not checked: in centralized trust, who wrote an event is the server's word"
	}
	owners, err := v.owners()
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "chain    %s, %s trust\nid       %s\nowner    %s\nhead     %s\nsigned   by the server's key %s\nevents   checked: %d, all in this head; dropped: %d, of which the hashes are\nwriters  %s\n",
		genesis.Name, genesis.Trust, v.Chain(), owners, v.head, keys.FormatID(v.key.ID()), counts.Events, counts.Dropped, writers)
	if err == nil && v.server != "" {
		_, err = fmt.Fprintf(w, "server   %s\n", v.server)
	}
	return err
}

// owners returns who may write at the chain's top.
func (v *verified) owners() (string, error) {
	in, err := v.Authority(event.NewKey(), nil) // an object that nobody has made
	if err != nil || in.Write.Kind == event.WriteEveryone {
		return "everyone", err
	}
	ids := make([]string, len(in.Write.Keys))
	for i, id := range in.Write.Keys {
		ids[i] = keys.FormatID(id)
	}
	return strings.Join(ids, ", "), nil
}

// describe says how far it is certain who a server is.
func describe(s wire.Server) string {
	if s.Proven {
		return s.Fingerprint.String() + ", proven by the encryption"
	}
	return s.Fingerprint.String() + ", as it says; without encryption it cannot prove that"
}

// verifyFile verifies a saved log.
func verifyFile(cmd *cobra.Command, url, path string) error {
	u, err := chainname.ParseURL(url)
	if err != nil {
		return usageError{err}
	}
	f, err := os.Open(path)
	if err != nil {
		return fault.New(fault.NotFound, "the saved log cannot be opened: %w", err)
	}
	defer f.Close()
	v, err := readSaved(cmd.Context(), f)
	if err != nil {
		return explain(err, "%s", path)
	}
	if name := v.Genesis().Name; name != u.Name {
		return fault.New(fault.BadRequest, "%s holds chain %s, not %s", path, name, u.Name)
	}
	return v.report(cmd.OutOrStdout())
}

// saved is a saved log that is being read.
type saved struct {
	place         int // in savedlog.Order, of the section that is due
	signing, note []byte
	leaves        []byte
	log           *verified
}

func readSaved(ctx context.Context, r io.Reader) (*verified, error) {
	in, err := savedlog.NewReader(r)
	if err != nil {
		return nil, err
	}
	var s saved
	for {
		kind, payload, offset, err := in.Next()
		if err != nil {
			return nil, err
		}
		if err := s.checkOrder(kind, offset); err != nil {
			return nil, err
		}
		switch kind {
		case savedlog.Server:
			s.signing = payload
		case savedlog.Checkpoint:
			s.note = payload
		case savedlog.Leaves:
			s.leaves = append(s.leaves, payload...)
		case savedlog.Records:
			if err := s.add(ctx, payload); err != nil {
				return nil, explain(err, "the records at offset %d", offset)
			}
		case savedlog.End:
			return s.end(ctx)
		}
	}
}

// checkOrder refuses a section that is not due: records that passed for
// something else would look like events that were dropped.
func (s *saved) checkOrder(kind savedlog.Kind, offset int64) error {
	place := strings.IndexByte(savedlog.Order, byte(kind))
	if place < 0 {
		return fault.New(fault.Damaged, "the section at offset %d is of an unknown kind, %q", offset, byte(kind))
	}
	once := kind == savedlog.Server || kind == savedlog.Checkpoint
	if place < s.place || once && place != s.place {
		return fault.New(fault.Damaged, "the section at offset %d is of kind %q, which is not due there", offset, byte(kind))
	}
	if s.place = place; once {
		s.place++
	}
	return nil
}

// add verifies records; the first is the genesis.
func (s *saved) add(ctx context.Context, records []byte) (err error) {
	for batch, err := range event.Records(records) {
		if err != nil {
			return explain(err, "event %d, or one after it", s.next())
		}
		if s.log == nil {
			if s.log, err = open(s.signing, string(s.note), batch.AppendRecord(nil), s.missing); err == nil {
				err = s.compare(&batch)
			}
		} else if err = s.compare(&batch); err == nil {
			err = s.log.Add(ctx, &batch)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *saved) next() event.Seq {
	if s.log == nil {
		return 0
	}
	return s.log.Next()
}

// compare finds the very event that is not what its leaf hash says.
func (s *saved) compare(b *event.Batch) error {
	seq := b.First
	for f, err := range b.Events() {
		if err != nil {
			return explain(err, "event %d", seq)
		}
		want, err := s.missing(context.Background(), seq, 1)
		if err != nil {
			return err
		}
		if got := f.Leaf(s.log.Chain()); got != want[0] {
			return fault.New(fault.Damaged, "event %d was changed: its leaf hash is %s, and was %s", seq, got, want[0])
		}
		seq++
	}
	return nil
}

// missing returns saved leaf hashes.
func (s *saved) missing(_ context.Context, from event.Seq, count int) ([]event.Hash, error) {
	const size = uint64(len(event.Hash{}))
	have := uint64(len(s.leaves)) / size
	if uint64(from) > have || uint64(count) > have-uint64(from) {
		return nil, fault.New(fault.Damaged, "leaf hashes %d to %d are not in the file, which has %d", from, uint64(from)+uint64(count), have)
	}
	out := make([]event.Hash, count)
	for i := range out {
		at := (uint64(from) + uint64(i)) * size
		out[i] = event.Hash(s.leaves[at : at+size])
	}
	return out, nil
}

func (s *saved) end(ctx context.Context) (*verified, error) {
	if s.log == nil || uint64(s.log.Next()) < s.log.head.Size {
		return nil, fault.New(fault.Damaged, "its events end at seq %d, before the head that it has", s.next())
	}
	return s.log, s.log.CheckHead(ctx, s.log.head)
}
