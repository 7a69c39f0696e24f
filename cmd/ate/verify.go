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
	log, err := followLive(cmd, s, out, save == "")
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

// liveAttempts is how often a chain is verified that does not fit what it says of
// what lives: it may have been compacted meanwhile.
const liveAttempts = 3

// errForgotten says that the log that was read is not one that may be verified.
var errForgotten = fault.New(fault.Unavailable, "the chain was compacted so far, while its log was read, that the log does not go on from there; verify it again")

// followLive verifies the chain, again if that may help.
func followLive(cmd *cobra.Command, s *session, out *savedlog.Writer, again bool) (*verified, error) {
	for attempt := 1; ; attempt++ {
		log, err := followAll(s, newProgress(cmd.ErrOrStderr(), "verifying"), out)
		if err == nil {
			err = log.CheckLive()
		} else {
			again = again && errors.Is(err, errForgotten)
		}
		if err == nil || !again || attempt == liveAttempts {
			return log, err
		}
	}
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
	forgotten := false
	sub, err := s.Subscribe(client.SubscribeOptions{From: 1, OnCompacted: func(c client.Compacted) { forgotten = forgotten || c.Forgotten }})
	if err != nil {
		return nil, err
	}
	defer sub.Close()
	for uint64(v.Next()) < v.head.Size {
		batch, err := sub.NextBatch(s.ctx)
		if forgotten {
			return nil, errForgotten
		}
		if err == io.EOF {
			break // compaction dropped the last ones, or the server says so
		}
		if err == nil && batch.Count > 0 {
			err = errors.Join(v.Add(s.ctx, &batch), out.Write(savedlog.Records, batch.AppendRecord(nil)))
		}
		if err != nil {
			return nil, err
		}
		shown.set(int(v.Next()))
	}
	return v, v.end(s.ctx, s.Leaves)
}

// end compares the head. Where that fails, it looks for the first event that has
// another leaf hash than was given.
func (v *verified) end(ctx context.Context, leaves verify.Leaves) error {
	if size := event.Seq(v.head.Size); v.Next() > size {
		return fault.New(fault.Forked, "event %d and others come after the head %s that was signed", size, v.head)
	} else if err := v.Skip(ctx, size); err != nil {
		return err
	}
	wrong := v.CheckHead(ctx, v.head)
	if wrong == nil {
		return nil
	}
	const step = 1 << 12
	for at := event.Seq(0); at < v.Next(); at += step {
		given, err := leaves(ctx, at, int(min(step, v.Next()-at)))
		if err != nil {
			return explain(wrong, "looking for the event that is another one, %v", err)
		}
		for i, want := range given {
			seq := at + event.Seq(i)
			if got, err := v.Leaf(ctx, seq); err != nil || got != want {
				return explain(wrong, "event %d is another one than was signed: its leaf hash is %s, and was %s", seq, got, want)
			}
		}
	}
	return explain(wrong, "the signed head is not that of the leaf hashes that come with it")
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
	lives := "not said yet: the chain was never compacted"
	if at, objects := v.Live(); at > 0 {
		lives = fmt.Sprintf("checked: %d objects had values, and these, when event %d said so", objects, at)
	}
	_, err = fmt.Fprintf(w, "chain    %s, %s trust\nid       %s\nowner    %s\nhead     %s\nsigned   by the server's key %s\nevents   checked: %d, all in this head; dropped by compaction: %d, their hashes are in it\nlives    %s\nwriters  %s\n",
		genesis.Name, genesis.Trust, v.Chain(), owners, v.head, keys.FormatID(v.key.ID()), counts.Events, counts.Dropped, lives, writers)
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
