package faultrpc

import (
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/atedb/atedb/sdk/fault"
)

func TestCodesSurvive(t *testing.T) {
	for _, code := range []fault.Code{fault.BadName, fault.NotFound, fault.DiskFull, fault.Damaged, fault.OutOfSequence, fault.Unavailable, fault.Internal, "of_a_later_version"} {
		back := FromStatus(ToStatus(fault.New(code, "the sentence")))
		if f := fault.From(back); f.Code != code || f.Reason != "the sentence" {
			t.Errorf("%s came back as %v", code, back)
		}
	}
	if ToStatus(nil) != nil || FromStatus(nil) != nil {
		t.Error("nil did not stay nil")
	}
}

func TestTransportErrors(t *testing.T) {
	for code, want := range map[codes.Code]fault.Code{
		codes.Unavailable: fault.Unavailable, codes.DeadlineExceeded: fault.Unavailable, codes.Canceled: fault.Unavailable,
		codes.Unimplemented: fault.Unsupported, codes.Unknown: fault.Internal,
	} {
		if got := fault.CodeOf(FromStatus(status.Error(code, "x"))); got != want {
			t.Errorf("%s became %s, want %s", code, got, want)
		}
	}
}
