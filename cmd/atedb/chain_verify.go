package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/atedb/atedb/core/control"
	"github.com/atedb/atedb/sdk/chainname"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/merkle"
	"github.com/atedb/atedb/sdk/plugin"
	"github.com/atedb/atedb/sdk/storage"
	"github.com/atedb/atedb/sdk/verify"
)

func newChainVerify() *cobra.Command {
	return &cobra.Command{
		Use:   "verify NAME",
		Short: "Read a whole chain and check what is stored",
		Long: `Reads a whole chain and checks every record's checksum, every event's hash, that
the root of them all is that of the chain's head and, in distributed trust, every
seal and its signer's authority. Of events that were dropped the hashes are checked,
and that no value is among them which lives by what the chain itself says of that.
A running server reads no faster than limits.compaction_mib_per_second.
The memory that it takes, here and not in the server, is 64 bytes for each event.`,
		Version: plugin.BuildVersion(),
		Args:    oneChain,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := openChains(cmd)
			if err != nil {
				return err
			}
			defer c.close()
			shown := newProgress(cmd.ErrOrStderr())
			log, err := verifyChain(cmd.Context(), c, chainname.Name(args[0]), shown)
			shown.end()
			if err != nil {
				return err
			}
			counts, seals := log.Counts(), "none in centralized trust"
			if log.Genesis().Trust == event.Distributed {
				seals = fmt.Sprint(counts.Seals)
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "chain\t%s\nhead\t%s\nchecked\t%d\ndropped\t%d\nseals\t%s\n", args[0], log.Head(), counts.Events, counts.Dropped, seals)
			return err
		},
	}
}

// verifyTries is how often a chain is read that is compacted meanwhile.
const verifyTries = 3

// verifyChain verifies a chain up to the head that it has now. Who reads a chain
// while events are dropped may see what belongs to those and not what dropping
// them was for; a verdict of that does not count.
func verifyChain(ctx context.Context, c control.Chains, name chainname.Name, shown *progress) (*verify.Log, error) {
	for range verifyTries {
		before, err := c.Inspect(ctx, name)
		if err != nil {
			return nil, err
		}
		log, wrong := verifyOnce(ctx, c, name, &before, shown)
		if wrong == nil {
			return log, nil
		}
		after, err := c.Inspect(ctx, name)
		if err != nil || ctx.Err() != nil {
			return nil, wrong
		}
		if !before.Compacting && before.Compactions == after.Compactions && before.Compacted.Equal(after.Compacted) {
			return nil, wrong
		}
	}
	return nil, fault.New(fault.Overloaded, "chain %s was compacted each time that it was read; try again later", name)
}

func verifyOnce(ctx context.Context, c control.Chains, name chainname.Name, d *control.Chain, shown *progress) (*verify.Log, error) {
	head, err := merkle.ParseHead(d.Head)
	if err != nil {
		return nil, err
	}
	leaves := func(ctx context.Context, from event.Seq, count int) ([]event.Hash, error) {
		return c.Leaves(ctx, name, from, count)
	}
	var log *verify.Log
	for next := event.Seq(0); uint64(next) < head.Size; {
		records, err := c.Read(ctx, name, next, storage.MaxRead)
		if err != nil {
			return nil, err
		}
		if log == nil {
			if log, records, err = beginLog(name, records, leaves); err != nil {
				return nil, err
			}
		}
		for batch, err := range event.Records(records) {
			if err == nil && uint64(batch.First) < head.Size {
				err = log.Add(ctx, &batch)
			}
			if err != nil {
				return nil, err
			}
		}
		if log.Next() == next {
			break // the last ones were dropped
		}
		next = log.Next()
		shown.set("verifying: %d of %d events", next, head.Size)
	}
	if log == nil || log.Chain().String() != d.ID {
		return nil, fault.New(fault.Damaged, "chain %s has another id than its genesis gives it", name)
	}
	if err := log.Skip(ctx, event.Seq(head.Size)); err != nil {
		return nil, err
	}
	if err := log.CheckHead(ctx, head); err != nil {
		return nil, err
	}
	return log, log.CheckLive()
}

// beginLog begins a log with the first of some records, and returns the rest.
func beginLog(name chainname.Name, records []byte, leaves verify.Leaves) (*verify.Log, []byte, error) {
	batch, rest, err := event.CutRecord(records)
	if err != nil {
		return nil, nil, err
	}
	log, err := verify.New(records[:batch.RecordSize()], leaves)
	if err == nil && log.Genesis().Name != name {
		err = fault.New(fault.Damaged, "what is stored as chain %s is chain %s by its genesis", name, log.Genesis().Name)
	}
	return log, rest, err
}
