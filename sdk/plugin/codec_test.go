package plugin

import (
	"testing"

	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/proto"

	"github.com/atedb/atedb/sdk/compaction/compactionpb"
	"github.com/atedb/atedb/sdk/plugin/pluginpb"
)

// TestCodec exchanges messages with an end that uses gRPC's own codec: one with
// fast code, and one without.
func TestCodec(t *testing.T) {
	plan := &compactionpb.PlanRequest{
		Chain:  &compactionpb.ChainInfo{Name: "a/b", Events: 1 << 40, Now: -1},
		Events: []*compactionpb.Event{{Seq: 7, Time: -7, DataSize: 8, Header: []byte("header")}, {}},
	}
	for _, m := range []proto.Message{plan, &pluginpb.ConfigureRequest{Config: []byte("{}")}} {
		theirs := newCodec().CodecV2
		for _, way := range []struct {
			from, to interface {
				Marshal(any) (mem.BufferSlice, error)
				Unmarshal(mem.BufferSlice, any) error
			}
		}{{newCodec(), theirs}, {theirs, newCodec()}, {newCodec(), newCodec()}} {
			b, err := way.from.Marshal(m)
			if err != nil {
				t.Fatal(err)
			}
			got := m.ProtoReflect().New().Interface()
			if err := way.to.Unmarshal(b, got); err != nil || !proto.Equal(got, m) {
				t.Errorf("from %T to %T: %v, %v", way.from, way.to, got, err)
			}
		}
	}
	if err := newCodec().Unmarshal(mem.BufferSlice{mem.SliceBuffer("\xff")}, new(compactionpb.PlanRequest)); err == nil {
		t.Error("what is no message is decoded")
	}
}
