package chain

import (
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/verify"
)

// verify has a stranger verify what is stored.
func (f *fixture) verify() {
	f.t.Helper()
	ctx := f.t.Context()
	_, genesis := f.Genesis()
	l, err := verify.New(genesis, f.Leaves)
	if err != nil {
		f.t.Fatal(err)
	}
	sealed := uint64(0)
	for b, err := range event.Records(f.log.Records()) {
		if err == nil && b.First > 0 {
			if len(b.Evidence) > 0 { // else it is the server's own, or nobody has to seal
				sealed++
			}
			err = l.Add(ctx, &b)
		}
		if err != nil {
			f.t.Fatalf("verifying: %v", err)
		}
	}
	err = l.Skip(ctx, f.Next())
	if err == nil {
		err = l.CheckHead(ctx, f.Head())
	}
	if err == nil {
		err = l.CheckLive()
	}
	if got := l.Counts(); err != nil || l.Head() != f.Head() || got.Seals != sealed {
		f.t.Fatalf("verified: head %s, %+v, of %d seals: %v", l.Head(), got, sealed, err)
	}
}

// add adds an event to a commit.
func (c *Commit) add(h *event.Header, data string) {
	header, err := h.Encode()
	if err != nil {
		panic(err)
	}
	c.Frames = event.AppendFrame(c.Frames, header, []byte(data))
	c.Count++
}
