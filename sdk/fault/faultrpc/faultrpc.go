// Package faultrpc carries faults over gRPC: the code in an ErrorInfo detail,
// the sentence as the status message.
package faultrpc

import (
	"context"
	"errors"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/atedb/atedb/sdk/fault"
)

// domain marks an ErrorInfo as ours.
const domain = "atedb"

// ToStatus returns err as a gRPC status error that keeps its fault code. A bare
// context error, of a call that its caller gave up, keeps its meaning. nil stays
// nil.
func ToStatus(err error) error {
	if err == nil {
		return nil
	}
	var f *fault.Error
	if !errors.As(err, &f) && (errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)) {
		return status.FromContextError(err).Err()
	}
	f = fault.From(err)
	st, detailErr := status.New(statusCode(f.Code), f.Reason).WithDetails(&errdetails.ErrorInfo{Domain: domain, Reason: string(f.Code)})
	if detailErr != nil {
		return status.Error(codes.Internal, f.Reason)
	}
	return st.Err()
}

// FromStatus returns the fault that a call's error carries. What the transport
// itself says of a peer that is gone or does not answer becomes unavailable.
// nil stays nil.
func FromStatus(err error) error {
	if err == nil {
		return nil
	}
	st, _ := status.FromError(err)
	for _, detail := range st.Details() {
		if info, ok := detail.(*errdetails.ErrorInfo); ok && info.Domain == domain {
			return fault.New(fault.Code(info.Reason), "%s", st.Message())
		}
	}
	switch st.Code() {
	case codes.Unavailable, codes.Canceled, codes.DeadlineExceeded, codes.Aborted:
		return fault.New(fault.Unavailable, "the plugin does not answer: %s", st.Message())
	case codes.ResourceExhausted:
		return fault.New(fault.TooLarge, "a message to or from the plugin is too large: %s", st.Message())
	case codes.Unimplemented:
		return fault.New(fault.Unsupported, "the plugin does not serve this call: %s", st.Message())
	}
	return fault.New(fault.Internal, "calling the plugin: %s", st.Message())
}

// statusCode is the gRPC code nearest to a fault's, for tools that know only
// those.
func statusCode(code fault.Code) codes.Code {
	switch code {
	case fault.BadRequest, fault.BadName, fault.BadMessage, fault.BadConfig, fault.TooLarge:
		return codes.InvalidArgument
	case fault.NotFound:
		return codes.NotFound
	case fault.NotAuthorized, fault.Denied:
		return codes.PermissionDenied
	case fault.VersionConflict, fault.Locked, fault.OutOfSequence:
		return codes.FailedPrecondition
	case fault.Overloaded, fault.DiskFull:
		return codes.ResourceExhausted
	case fault.Damaged:
		return codes.DataLoss
	case fault.Unavailable, fault.ShuttingDown:
		return codes.Unavailable
	case fault.Unsupported:
		return codes.Unimplemented
	}
	return codes.Internal
}
