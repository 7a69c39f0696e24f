package event

import (
	"crypto/rand"

	"github.com/atedb/atedb/sdk/chainname"
	"github.com/atedb/atedb/sdk/event/eventpb"
	"github.com/atedb/atedb/sdk/fault"
)

// GenesisKey is the object key of every chain's first event.
const GenesisKey = ReservedPrefix + "genesis"

// GenesisType is the type of every chain's first event.
const GenesisType = "ate.genesis"

// Trust is how a chain's writers show that they own their keys. It is fixed in
// the chain's genesis.
type Trust uint8

// The trust modes.
const (
	Centralized Trust = 1 // once per connection, to the server
	Distributed Trust = 2 // in every batch, to everyone
)

// String returns the mode as it is written in a config file.
func (t Trust) String() string {
	switch t {
	case Centralized:
		return "centralized"
	case Distributed:
		return "distributed"
	}
	return "unknown"
}

// Genesis is what a chain's first event says.
type Genesis struct {
	Name     chainname.Name
	Trust    Trust
	RootKeys [][]byte // who may write root events; with none, anyone may
	Nonce    [32]byte
}

// NewGenesis returns a genesis with a random nonce.
func NewGenesis(name chainname.Name, trust Trust, rootKeys [][]byte) Genesis {
	g := Genesis{Name: name, Trust: trust, RootKeys: rootKeys}
	rand.Read(g.Nonce[:])
	return g
}

// Frame returns the genesis event, framed, and the id of the chain that it
// begins.
func (g *Genesis) Frame() ([]byte, ChainID, error) {
	header := Header{Key: []byte(GenesisKey), Type: GenesisType}
	h, err := header.Encode()
	if err != nil {
		return nil, ChainID{}, err
	}
	pb := eventpb.Genesis{Name: g.Name.String(), Trust: eventpb.Trust(g.Trust), RootKeys: g.RootKeys, Nonce: g.Nonce[:]}
	data, err := pb.MarshalVT()
	if err != nil {
		return nil, ChainID{}, fault.New(fault.Internal, "encoding a genesis event: %w", err)
	}
	return AppendFrame(nil, h, data), ChainID(LeafHash(ChainID{}, h, data)), nil
}

// ParseGenesis parses a chain's first event. Anything but a genesis event is a
// fault with code damaged.
func ParseGenesis(f Frame) (Genesis, ChainID, error) {
	header, err := DecodeHeader(f.Header)
	if err != nil {
		return Genesis{}, ChainID{}, fault.New(fault.Damaged, "reading the genesis event: %w", err)
	}
	if string(header.Key) != GenesisKey || header.Type != GenesisType || f.Omitted {
		return Genesis{}, ChainID{}, fault.New(fault.Damaged, "the chain's first event is not a genesis event")
	}
	var pb eventpb.Genesis
	if err := pb.UnmarshalVT(f.Data); err != nil {
		return Genesis{}, ChainID{}, fault.New(fault.Damaged, "reading the genesis event: %w", err)
	}
	name, err := chainname.Parse(pb.Name)
	if err != nil {
		return Genesis{}, ChainID{}, fault.New(fault.Damaged, "reading the genesis event: %w", err)
	}
	g := Genesis{Name: name, Trust: Trust(pb.Trust), RootKeys: pb.RootKeys}
	if len(pb.Nonce) != len(g.Nonce) || g.Trust != Centralized && g.Trust != Distributed {
		return Genesis{}, ChainID{}, fault.New(fault.Damaged, "the genesis event has a nonce of %d bytes and trust mode %d", len(pb.Nonce), pb.Trust)
	}
	copy(g.Nonce[:], pb.Nonce)
	return g, ChainID(LeafHash(ChainID{}, f.Header, f.Data)), nil
}
