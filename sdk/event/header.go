package event

import (
	"bytes"
	"crypto/rand"
	"time"

	"github.com/atedb/atedb/sdk/event/eventpb"
	"github.com/atedb/atedb/sdk/fault"
)

// Header says what an event does to which object.
type Header struct {
	Key       []byte // the object's, 1 to MaxKey bytes
	Tombstone bool   // ends the object
	Erase     bool   // with Tombstone: lets the object's earlier data be erased
	Parent    Parent // the object it stands under; zero leaves it where it is
	Type      string // what the data is, for the application
	ReplyTo   []byte // the key of the object that this event answers
	Time      time.Time
	Labels    map[string]string

	Write      WriteAuthority // who may write from here on; zero leaves it as it is
	Read       ReadAuthority  // who may read from here on; zero leaves it as it is
	Encryption Encryption     // of the data; zero if it is not encrypted
	Keys       [][]byte       // public keys made known, encoded as package keys says
}

// Parent is the object that another stands under, and the collection there.
type Parent struct {
	Key        []byte
	Collection string
	Top        bool // under no object; Key is empty then
}

func (p *Parent) isZero() bool { return len(p.Key) == 0 && p.Collection == "" && !p.Top }

// Encode returns the header's bytes. It checks what [DecodeHeader] checks.
func (h *Header) Encode() ([]byte, error) {
	pb := eventpb.Header{
		Key: h.Key, Tombstone: h.Tombstone, Erase: h.Erase, Type: h.Type, ReplyTo: h.ReplyTo, Labels: h.Labels,
	}
	if !h.Time.IsZero() {
		pb.Time = h.Time.UnixMicro()
	}
	if !h.Parent.isZero() {
		if len(h.Parent.Key) == 0 != h.Parent.Top {
			return nil, fault.New(fault.BadRequest, "an event's parent must have a key, or be the top and have none")
		}
		pb.Parent = &eventpb.Parent{Key: h.Parent.Key, Collection: h.Parent.Collection}
	}
	h.encodeAuthority(&pb)
	if err := checkHeader(&pb); err != nil {
		return nil, err
	}
	b, err := pb.MarshalVT()
	if err != nil {
		return nil, fault.New(fault.BadRequest, "encoding an event's header: %w", err)
	}
	if len(b) > MaxHeader {
		return nil, fault.New(fault.TooLarge, "an event's header is %d bytes long; at most %d are allowed", len(b), MaxHeader)
	}
	return b, nil
}

// DecodeHeader parses and checks a header. The result aliases b.
func DecodeHeader(b []byte) (Header, error) {
	var d HeaderDecoder
	return d.Decode(b)
}

// HeaderDecoder decodes many headers with less memory than DecodeHeader.
type HeaderDecoder struct{ pb eventpb.Header }

// Decode does what DecodeHeader does.
func (d *HeaderDecoder) Decode(b []byte) (Header, error) {
	pb := &d.pb
	if err := UnmarshalHeader(b, pb); err != nil {
		return Header{}, err
	}
	h := Header{Key: pb.Key, Tombstone: pb.Tombstone, Erase: pb.Erase, Type: pb.Type, ReplyTo: pb.ReplyTo, Labels: pb.Labels}
	if pb.Time != 0 {
		h.Time = time.UnixMicro(pb.Time)
	}
	if pb.Parent != nil {
		h.Parent = Parent{Key: pb.Parent.Key, Collection: pb.Parent.Collection, Top: len(pb.Parent.Key) == 0}
	}
	h.decodeAuthority(pb)
	return h, nil
}

// UnmarshalHeader parses and checks a header into pb, which aliases b
// afterwards. It takes no memory for a header that has no labels or parent, so
// a reader of many headers uses one pb for all.
func UnmarshalHeader(b []byte, pb *eventpb.Header) error {
	pb.Reset()
	if err := pb.UnmarshalVTUnsafe(b); err != nil {
		return fault.New(fault.BadMessage, "an event's header is not a valid protobuf message: %w", err)
	}
	return checkHeader(pb)
}

// ReservedPrefix begins the object keys that are the server's own. A random key
// does not begin with it by accident.
const ReservedPrefix = "\x00atedb/"

// IsReserved reports whether a key is the server's own, which no client may
// write.
func IsReserved(key []byte) bool { return bytes.HasPrefix(key, []byte(ReservedPrefix)) }

// NewKey returns a random key of 16 bytes, for an object that needs no name.
func NewKey() []byte {
	key := make([]byte, 16)
	rand.Read(key)
	return key
}

func checkHeader(pb *eventpb.Header) error {
	if err := checkKey("an event's object key", pb.Key); err != nil {
		return err
	}
	if pb.Parent != nil && len(pb.Parent.Key) > 0 {
		if err := checkKey("the key of an event's parent", pb.Parent.Key); err != nil {
			return err
		}
	}
	if len(pb.ReplyTo) > MaxKey {
		return fault.New(fault.TooLarge, "the key that an event replies to is %d bytes long; at most %d are allowed", len(pb.ReplyTo), MaxKey)
	}
	if pb.Erase && !pb.Tombstone {
		return fault.New(fault.BadRequest, "an event asks for its object's data to be erased and does not end the object; only a tombstone may ask")
	}
	return checkAuthority(pb)
}

func checkKey(what string, key []byte) error {
	if len(key) == 0 {
		return fault.New(fault.BadRequest, "%s is empty; 1 to %d bytes are needed", what, MaxKey)
	}
	if len(key) > MaxKey {
		return fault.New(fault.TooLarge, "%s is %d bytes long; at most %d are allowed", what, len(key), MaxKey)
	}
	return nil
}
