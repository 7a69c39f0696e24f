package main

import (
	"github.com/spf13/cobra"

	"github.com/atedb/atedb/sdk/client"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/keys"
)

func newGrant(set *settings) *cobra.Command {
	var to access
	cmd := &cobra.Command{
		Use:   "grant URL KEY",
		Short: "Change who may write or read an object and what stands under it",
		Long: "Grant changes who may write, or who may read, an object and what stands under it, and prints the seq.\n" +
			"It takes the authority above the object: that of its parent or, at the top, the chain's owner.\n" +
			"An object that is not there yet is made, without a value.",
		Args: chainArgs(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if to.isEmpty() {
				return usage("say who may write with --writers, or who may read with --readers; see %s --help", cmd.CommandPath())
			}
			s, err := set.dial(cmd, args[0], true)
			if err != nil {
				return err
			}
			defer s.Close()
			batch, err := grant(s, set, []byte(args[1]), &to)
			if err != nil {
				return err
			}
			return s.commit(cmd.OutOrStdout(), batch)
		},
	}
	to.addFlags(cmd)
	return cmd
}

// grant returns a batch that writes an object's value again with another
// authority, provided that nobody else writes it meanwhile.
func grant(s *session, set *settings, key []byte, to *access) (client.Batch, error) {
	e := client.Event{Header: event.Header{Key: key}}
	expected := client.Expected{Key: key, Absent: true}
	now, err := s.Get(s.ctx, key)
	if err == nil {
		if err := s.Decrypt(s.ctx, &now); err != nil {
			return client.Batch{}, err
		}
		e.Data, e.Header.Type, e.Header.Labels, e.Header.ReplyTo = now.Data, now.Header.Type, now.Header.Labels, now.Header.ReplyTo
		expected = client.Expected{Key: key, Seq: now.Seq}
	} else if !fault.Is(err, fault.NotFound) {
		return client.Batch{}, err
	}
	batch, err := to.batch(s, set, e)
	batch.Expected = []client.Expected{expected}
	return batch, err
}

// access is who may write and read, as flags say it.
type access struct {
	writers, readers []string
	onlyMe           bool // may read
}

func (a *access) addFlags(cmd *cobra.Command) {
	cmd.Flags().StringSliceVar(&a.writers, "writers", nil, "`who` may write the object from now on: everyone, nobody, inherit, me, or ids or public identities as ate key show prints them")
	cmd.Flags().StringSliceVar(&a.readers, "readers", nil, "`who` may read the object from now on, for whom its data is encrypted: everyone, inherit, me, or public identities")
	cmd.Flags().BoolVar(&a.onlyMe, "read-key", false, "encrypt the data so that your key alone reads it: the same as --readers me")
	cmd.MarkFlagsMutuallyExclusive("readers", "read-key")
}

func (a *access) isEmpty() bool { return len(a.writers) == 0 && len(a.readers) == 0 && !a.onlyMe }

// batch returns an event with what the flags say of its object. Data that only
// some may read is encrypted.
func (a *access) batch(s *session, set *settings, e client.Event) (client.Batch, error) {
	if a.onlyMe {
		a.readers = []string{"me"}
	}
	var err error
	if e.Header.Write, err = a.write(set); err != nil {
		return client.Batch{}, err
	}
	switch {
	case len(a.readers) == 1 && a.readers[0] == "everyone":
		e.Header.Read.Kind = event.ReadEveryone
	case len(a.readers) == 1 && a.readers[0] == "inherit":
		e.Header.Read.Kind = event.ReadInherit
	case len(a.readers) > 0:
		members, err := a.members(set)
		if err != nil {
			return client.Batch{}, err
		}
		return s.Share(s.ctx, e, members...)
	}
	err = s.Encrypt(s.ctx, &e)
	return client.Batch{Events: []client.Event{e}}, err
}

func (a *access) write(set *settings) (event.WriteAuthority, error) {
	if len(a.writers) == 0 {
		return event.WriteAuthority{}, nil
	}
	if len(a.writers) == 1 {
		switch a.writers[0] {
		case "everyone":
			return event.WriteAuthority{Kind: event.WriteEveryone}, nil
		case "nobody":
			return event.WriteAuthority{Kind: event.WriteNobody}, nil
		case "inherit":
			return event.WriteAuthority{Kind: event.WriteInherit}, nil
		}
	}
	w := event.WriteAuthority{Kind: event.WriteAnyOf}
	for _, text := range a.writers {
		id, err := set.writer(text)
		if err != nil {
			return w, err
		}
		w.Keys = append(w.Keys, id)
	}
	return w, nil
}

// writer returns the id of a key that a flag names.
func (set *settings) writer(text string) (event.Hash, error) {
	if text == "me" {
		if set.me == nil || set.me.Signing.IsZero() {
			return event.Hash{}, errNoKey
		}
		return set.me.Signing.ID(), nil
	}
	if id, err := keys.ParseID(text); err == nil {
		return id, nil
	}
	public, err := keys.ParsePublicIdentity(text)
	if err != nil {
		return event.Hash{}, usage("--writers %q is neither everyone, nobody, inherit or me, nor a key's id or a public identity", text)
	}
	return public.Signing.ID(), nil
}

func (a *access) members(set *settings) ([]keys.ReadPublicKey, error) {
	var members []keys.ReadPublicKey
	for _, text := range a.readers {
		if text == "me" {
			if set.me == nil || set.me.Read.IsZero() {
				return nil, errNoKey
			}
			members = append(members, set.me.Read)
			continue
		}
		public, err := keys.ParsePublicIdentity(text)
		if err != nil {
			return nil, usage("--readers %q is neither everyone, inherit or me, nor a public identity as ate key show prints it", text)
		}
		members = append(members, public.Read)
	}
	return members, nil
}

var errNoKey = fault.New(fault.NotFound, "there is no key of yours; make one with ate key new, or log in with ate login")
