package authority

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math/bits"
	"slices"
	"strconv"

	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/event/eventpb"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/merkle"
)

// The keys of the objects in which the server says what lives, and the types of
// their events.
const (
	LiveBeginKey  = event.ReservedPrefix + "live-begin"
	LiveKey       = event.ReservedPrefix + "live"
	LiveBeginType = "ate.live-begin"
	LiveType      = "ate.live"
)

// Live commits to which objects have a value before an event, and to the newest
// event of each. The package comment has its form.
type Live struct {
	Begin   event.Seq  // of the event that says "as of now"
	Objects uint64     // how many have a value
	Root    event.Hash // of the tree of them all
}

// LiveBegin is the header of the event that says "as of now".
func LiveBegin() event.Header {
	return event.Header{Key: []byte(LiveBeginKey), Type: LiveBeginType}
}

// Header returns the header of the event that says what lived.
func (l Live) Header() event.Header {
	return event.Header{Key: []byte(LiveKey), Type: LiveType, Labels: map[string]string{
		"begin": strconv.FormatUint(uint64(l.Begin), 10), "objects": strconv.FormatUint(l.Objects, 10), "root": hex.EncodeToString(l.Root[:]),
	}}
}

// ParseLive parses a header that [Live.Header] returned. Another one is a damaged
// fault.
func ParseLive(h *eventpb.Header) (Live, error) {
	begin, beginErr := strconv.ParseUint(h.Labels["begin"], 10, 62)
	objects, objectsErr := strconv.ParseUint(h.Labels["objects"], 10, 62)
	root, rootErr := hex.DecodeString(h.Labels["root"])
	if beginErr != nil || objectsErr != nil || rootErr != nil || len(root) != len(event.Hash{}) || len(h.Labels) != 3 {
		return Live{}, fault.New(fault.Damaged, "an event of object %s does not say what lives", quote(h.Key))
	}
	return Live{Begin: event.Seq(begin), Objects: objects, Root: event.Hash(root)}, nil
}

// IsOwn reports whether an event is one that only the server writes, without a
// seal: it says what lives, and gives nobody any authority.
func IsOwn(h *eventpb.Header) bool { return string(h.Key) == LiveKey || string(h.Key) == LiveBeginKey }

// checkOwn returns what is wrong with the shape of an event of the server's.
func checkOwn(h *eventpb.Header) error {
	if h.Tombstone || h.Parent != nil || h.Authority != nil || h.Encryption != nil || len(h.Keys) > 0 {
		return fault.New(fault.BadRequest, "an event of object %s says what lives and nothing else", quote(h.Key))
	}
	if string(h.Key) == LiveKey {
		_, err := ParseLive(h)
		return err
	}
	return nil
}

// StageOwn stages an event that the server itself writes, as Judge does others:
// one for which [IsOwn] is true, or the end of an object, which needs no
// authority then.
func (t *Tree) StageOwn(seq event.Seq, h *eventpb.Header) error {
	if seq < t.staged.next || event.IsReserved(h.Key) != IsOwn(h) || !IsOwn(h) && !h.Tombstone {
		return fault.New(fault.Internal, "event %d of object %s cannot be the server's own", seq, quote(h.Key))
	}
	if n := t.extras.get(idOf(h.Key)).children; n > 0 {
		return fault.New(fault.HasChildren, "object %s has %d others under it; end or move those first", quote(h.Key), n)
	}
	if IsOwn(h) {
		if err := checkOwn(h); err != nil {
			return err
		}
	}
	t.change(seq, h, idOf(h.Key), top)
	return nil
}

// liveObject is an object with a value and its newest event.
type liveObject struct {
	id  objectID
	seq event.Seq
}

// LiveObjects is a copy of which objects have a value, from which Live computes
// what commits to them.
type LiveObjects []liveObject

// LiveObjects returns which objects have a settled value, but for the server's
// own. It takes 24 bytes for each, and about 30 ns.
func (t *Tree) LiveObjects() LiveObjects {
	out := make(LiveObjects, 0, len(t.objects.settled))
	for id, v := range t.objects.settled {
		if !slices.Contains(ownObjects, id) {
			out = append(out, liveObject{id, event.Seq(v - 1)})
		}
	}
	return out
}

var ownObjects = []objectID{
	idOf([]byte(event.GenesisKey)), idOf([]byte(RootKey)), idOf([]byte(LiveBeginKey)), idOf([]byte(LiveKey)),
}

// Live returns what commits to these objects, as of the event begin. It sorts
// them, and takes about half a microsecond for each.
func (o LiveObjects) Live(begin event.Seq) Live {
	slices.SortFunc(o, func(a, b liveObject) int { return a.id.compare(b.id) })
	leaves := make([]event.Hash, len(o))
	for i := range o {
		leaf := append(make([]byte, 0, 1+len(liveDomain)+16+8), 0)
		leaf = append(leaf, liveDomain...)
		leaf = binary.LittleEndian.AppendUint64(appendID(leaf, o[i].id), uint64(o[i].seq))
		leaves[i] = sha256.Sum256(leaf)
	}
	return Live{Begin: begin, Objects: uint64(len(o)), Root: merkle.Root(leaves)}
}

// Continue reports whether objects may follow on earlier ones, of which those
// before next are known: each that has its newest event before that had it then,
// too. Others may have ended meanwhile.
func (o LiveObjects) Continue(earlier LiveObjects, next event.Seq) bool {
	had := make(map[liveObject]struct{}, len(earlier))
	for _, e := range earlier {
		had[e] = struct{}{}
	}
	for _, e := range o {
		if _, ok := had[e]; !ok && e.seq < next {
			return false
		}
	}
	return true
}

const liveDomain = "AteDB live v1"

// compare orders ids as the bytes of the hashes that they are the beginnings of.
func (id objectID) compare(other objectID) int {
	if c := cmp.Compare(bits.ReverseBytes64(id[0]), bits.ReverseBytes64(other[0])); c != 0 { // they are little-endian
		return c
	}
	return cmp.Compare(bits.ReverseBytes64(id[1]), bits.ReverseBytes64(other[1]))
}
