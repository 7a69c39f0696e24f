package event

import (
	"github.com/atedb/atedb/sdk/event/eventpb"
	"github.com/atedb/atedb/sdk/fault"
)

// WriteKind is who may write.
type WriteKind uint8

// The kinds of write authority.
const (
	WriteUnchanged WriteKind = iota
	WriteInherit             // as the parent's; at the top, the chain's root keys
	WriteEveryone
	WriteNobody
	WriteAnyOf // the owner of any one of the keys
)

// WriteAuthority is who may write an object and what stands under it. The
// package authority has the rules.
type WriteAuthority struct {
	Kind WriteKind
	Keys []Hash // ids, at most MaxWriters; with WriteAnyOf alone
}

// ReadKind is who may read.
type ReadKind uint8

// The kinds of read authority.
const (
	ReadUnchanged ReadKind = iota
	ReadInherit            // as the parent's; at the top, everyone
	ReadEveryone
	ReadByKey // whoever holds a data key; data must be encrypted with it
)

// ReadAuthority is who may read the data of an object and of what stands under
// it.
type ReadAuthority struct {
	Kind       ReadKind
	Key        Hash // the data key's id; with ReadByKey alone
	Generation uint32
}

// NonceSize is the size of the nonce of encrypted data, in bytes.
const NonceSize = 24

// Encryption says with what data is encrypted. The zero value is: not.
type Encryption struct {
	Key        Hash // the data key's id
	Generation uint32
	Nonce      [NonceSize]byte
}

func (h *Header) encodeAuthority(pb *eventpb.Header) {
	pb.Keys = h.Keys
	if h.Write.Kind != WriteUnchanged || h.Read.Kind != ReadUnchanged {
		pb.Authority = &eventpb.Authority{Write: h.Write.Proto(), Read: h.Read.Proto()}
	}
	if h.Encryption != (Encryption{}) {
		pb.Encryption = &eventpb.Encryption{
			DataKey: h.Encryption.Key[:], Generation: h.Encryption.Generation, Nonce: h.Encryption.Nonce[:],
		}
	}
}

func (h *Header) decodeAuthority(pb *eventpb.Header) {
	h.Keys = pb.Keys
	h.Write, h.Read = WriteOf(pb.Authority.GetWrite()), ReadOf(pb.Authority.GetRead())
	if e := pb.Encryption; e != nil {
		h.Encryption = Encryption{Key: Hash(e.DataKey), Generation: e.Generation, Nonce: [NonceSize]byte(e.Nonce)}
	}
}

// Proto returns the authority's message, nil for WriteUnchanged.
func (w *WriteAuthority) Proto() *eventpb.WriteAuthority {
	if w.Kind == WriteUnchanged {
		return nil
	}
	pb := &eventpb.WriteAuthority{Kind: eventpb.WriteAuthority_Kind(w.Kind)}
	for i := range w.Keys {
		pb.Keys = append(pb.Keys, w.Keys[i][:])
	}
	return pb
}

// Proto returns the authority's message, nil for ReadUnchanged.
func (r *ReadAuthority) Proto() *eventpb.ReadAuthority {
	if r.Kind == ReadUnchanged {
		return nil
	}
	pb := &eventpb.ReadAuthority{Kind: eventpb.ReadAuthority_Kind(r.Kind)}
	if r.Kind == ReadByKey {
		pb.DataKey, pb.Generation = r.Key[:], r.Generation
	}
	return pb
}

// WriteOf returns what a message that [CheckWrite] accepts says.
func WriteOf(pb *eventpb.WriteAuthority) WriteAuthority {
	w := WriteAuthority{Kind: WriteKind(pb.GetKind())}
	for _, key := range pb.GetKeys() {
		w.Keys = append(w.Keys, Hash(key))
	}
	return w
}

// ReadOf returns what a message that [CheckRead] accepts says.
func ReadOf(pb *eventpb.ReadAuthority) ReadAuthority {
	r := ReadAuthority{Kind: ReadKind(pb.GetKind()), Generation: pb.GetGeneration()}
	copy(r.Key[:], pb.GetDataKey())
	return r
}

func checkAuthority(pb *eventpb.Header) error {
	if len(pb.Keys) > MaxIntroduced {
		return fault.New(fault.TooLarge, "an event introduces %d public keys; at most %d are allowed", len(pb.Keys), MaxIntroduced)
	}
	for _, key := range pb.Keys {
		if len(key) == 0 || len(key) > MaxPublicKey {
			return fault.New(fault.TooLarge, "a public key that an event introduces has %d bytes; it must have 1 to %d", len(key), MaxPublicKey)
		}
	}
	if a := pb.Authority; a != nil {
		if pb.Tombstone {
			return fault.New(fault.BadRequest, "an event that ends its object cannot give it an authority")
		}
		if err := CheckWrite(a.Write); err != nil {
			return err
		}
		if err := CheckRead(a.Read); err != nil {
			return err
		}
	}
	if e := pb.Encryption; e != nil && (len(e.DataKey) != len(Hash{}) || len(e.Nonce) != NonceSize) {
		return fault.New(fault.BadRequest, "an event's encryption names a key of %d bytes and a nonce of %d; %d and %d are needed", len(e.DataKey), len(e.Nonce), len(Hash{}), NonceSize)
	}
	return nil
}

// CheckWrite returns what is wrong with a write authority; nil is one.
func CheckWrite(w *eventpb.WriteAuthority) error {
	if w == nil {
		return nil
	}
	if w.Kind < eventpb.WriteAuthority_KIND_INHERIT || w.Kind > eventpb.WriteAuthority_KIND_ANY_OF {
		return fault.New(fault.BadRequest, "write authority of kind %d is unknown to this version", w.Kind)
	}
	if n := len(w.Keys); n > MaxWriters || n > 0 != (w.Kind == eventpb.WriteAuthority_KIND_ANY_OF) {
		return fault.New(fault.BadRequest, "write authority of kind %s has %d keys; any-of has 1 to %d, and no other kind has any", w.Kind, n, MaxWriters)
	}
	for _, key := range w.Keys {
		if len(key) != len(Hash{}) {
			return fault.New(fault.BadRequest, "write authority names a key id of %d bytes; %d are needed", len(key), len(Hash{}))
		}
	}
	return nil
}

// CheckRead returns what is wrong with a read authority; nil is one.
func CheckRead(r *eventpb.ReadAuthority) error {
	if r == nil {
		return nil
	}
	if r.Kind < eventpb.ReadAuthority_KIND_INHERIT || r.Kind > eventpb.ReadAuthority_KIND_KEY {
		return fault.New(fault.BadRequest, "read authority of kind %d is unknown to this version", r.Kind)
	}
	want := 0
	if r.Kind == eventpb.ReadAuthority_KIND_KEY {
		want = len(Hash{})
	}
	if len(r.DataKey) != want {
		return fault.New(fault.BadRequest, "read authority of kind %s names a data key id of %d bytes; %d are needed", r.Kind, len(r.DataKey), want)
	}
	return nil
}
