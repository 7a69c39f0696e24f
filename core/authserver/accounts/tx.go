package accounts

import (
	"context"
	"time"

	"github.com/atedb/atedb/core/chain"
	"github.com/atedb/atedb/sdk/authserver"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
)

// Tx is a look at the accounts, and what is to be changed because of it. It is
// for one goroutine.
type Tx struct {
	store  *Store
	ctx    context.Context
	seen   []chain.Expected // versions of the objects that were looked at
	events int
	frames []byte // of the events that change something
	err    error  // of a change that cannot be encoded
	moved  bool   // an event was compacted away that was to be looked at
}

// Look calls f with a look at the accounts, which changes nothing. It never
// waits for a change. What one call of a Tx's method returns was true at one
// moment; two calls may see different ones.
//
// It calls f again if something is compacted away that f is about to see.
func (s *Store) Look(ctx context.Context, f func(*Tx) error) error {
	for range maxAttempts {
		t := &Tx{store: s, ctx: ctx}
		if err := f(t); !t.moved {
			return err
		}
	}
	return errBusy
}

// Update calls f and makes what it puts durable, all together. If what f looked
// at has been changed meanwhile, it begins anew and calls f again: f must do
// nothing else, and everything that it decides by it must look at. With an error
// of f nothing is changed.
func (s *Store) Update(ctx context.Context, f func(*Tx) error) error {
	for range maxAttempts {
		t := &Tx{store: s, ctx: ctx}
		err := f(t)
		if t.moved {
			continue
		}
		if err == nil {
			err = t.err
		}
		if err != nil || t.events == 0 {
			return err
		}
		if err = s.commit(t.seen, t.events, t.frames); !fault.Is(err, fault.VersionConflict) {
			return err
		}
	}
	return errBusy
}

var errBusy = fault.New(fault.Overloaded, "others change the same account or group all the time; try again later")

// get returns the data of objects, nil for those that are not there.
func (t *Tx) get(keys ...[]byte) ([][]byte, error) {
	versions := t.store.chain.Versions(keys...)
	t.seen = append(t.seen, versions...)
	data := make([][]byte, len(keys))
	for i, v := range versions {
		if !v.Exists {
			continue
		}
		encoded, err := t.store.read(t.ctx, v.Seq)
		if err != nil {
			t.moved = fault.Is(err, fault.VersionConflict)
			return nil, err
		}
		f, _, err := event.CutFrame(encoded)
		if err != nil {
			return nil, err
		}
		data[i] = f.Data
	}
	return data, nil
}

// Earlier is a statement that another one takes the place of.
type Earlier struct {
	Number  uint64
	Encoded []byte // an account.Signed
}

// keep has a statement kept, unless it is nil, as an object of its own.
func (t *Tx) keep(kind kind, name string, e *Earlier) {
	if e != nil {
		t.putObject(kind, authserver.EarlierKey(keyOf(kind, name), e.Number), e.Encoded)
	}
}

// put has the data changed of the object of a name.
func (t *Tx) put(kind kind, name string, data []byte) { t.putObject(kind, keyOf(kind, name), data) }

func (t *Tx) putObject(kind kind, key, data []byte) {
	header, err := (&event.Header{Key: key, Type: kind.eventType, Time: time.Now()}).Encode()
	if err != nil {
		t.err = err
		return
	}
	t.frames = event.AppendFrame(t.frames, header, data)
	t.events++
}
