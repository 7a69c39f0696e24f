package plugin

import (
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/encoding/proto"
	"google.golang.org/grpc/mem"
)

// codec encodes messages as gRPC does, but without reflection where their code
// can do without. Both ends of a plugin's connection use it, and neither can
// tell whether the other does.
type codec struct{ encoding.CodecV2 }

func newCodec() codec { return codec{encoding.GetCodecV2(proto.Name)} }

// fastMessage is a message with generated code of its own.
type fastMessage interface {
	MarshalVT() ([]byte, error)
	UnmarshalVTUnsafe(b []byte) error
}

// Marshal implements encoding.CodecV2.
func (c codec) Marshal(m any) (mem.BufferSlice, error) {
	fast, ok := m.(fastMessage)
	if !ok {
		return c.CodecV2.Marshal(m)
	}
	b, err := fast.MarshalVT()
	if err != nil {
		return nil, err
	}
	return mem.BufferSlice{mem.SliceBuffer(b)}, nil
}

// Unmarshal implements encoding.CodecV2. What is decoded lies in memory of the
// message's own.
func (c codec) Unmarshal(data mem.BufferSlice, m any) error {
	if fast, ok := m.(fastMessage); ok {
		return fast.UnmarshalVTUnsafe(data.Materialize())
	}
	return c.CodecV2.Unmarshal(data, m)
}
