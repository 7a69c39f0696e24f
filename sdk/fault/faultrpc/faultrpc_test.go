package faultrpc

import (
	"context"
	"fmt"
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
		codes.Unimplemented: fault.Unsupported, codes.Unknown: fault.Internal, codes.ResourceExhausted: fault.TooLarge,
	} {
		if got := fault.CodeOf(FromStatus(status.Error(code, "x"))); got != want {
			t.Errorf("%s became %s, want %s", code, got, want)
		}
	}
}

func TestContextErrors(t *testing.T) {
	for err, want := range map[error]codes.Code{
		context.Canceled: codes.Canceled, fmt.Errorf("asking: %w", context.DeadlineExceeded): codes.DeadlineExceeded,
	} {
		if got := status.Code(ToStatus(err)); got != want {
			t.Errorf("%v became %s, want %s", err, got, want)
		}
	}
	if own := fault.New(fault.Unavailable, "gave up: %w", context.Canceled); fault.CodeOf(FromStatus(ToStatus(own))) != fault.Unavailable {
		t.Error("a fault that wraps a context error lost its code")
	}
}
