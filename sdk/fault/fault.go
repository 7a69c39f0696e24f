// Package fault is how AteDB says no: a stable code that programs compare and
// a sentence that people read.
//
// A fault keeps its code across the wire and across a plugin's process
// boundary. Codes are never renamed; new ones may be added, so a program must
// treat a code that it does not know like [Internal].
package fault

import (
	"errors"
	"fmt"
)

// Code is the stable, machine-readable name of a kind of failure.
type Code string

// The codes. The comment is what the one who meets it can do.
const (
	BadRequest      Code = "bad_request"      // correct the request; sending it again will not help
	BadName         Code = "bad_name"         // correct the chain's name
	BadMessage      Code = "bad_message"      // the peer broke the protocol; upgrade or mend the client
	BadConfig       Code = "bad_config"       // correct the configuration
	NotFound        Code = "not_found"        // there is no such chain or object
	NotAuthorized   Code = "not_authorized"   // write with a key that has the authority
	NoParent        Code = "no_parent"        // write the parent object first, or name another
	ParentCycle     Code = "parent_cycle"     // the object would stand under itself; name another parent
	HasChildren     Code = "has_children"     // end or move the objects under it first
	NotEncrypted    Code = "not_encrypted"    // encrypt the data with the data key in force for the object
	UnknownKey      Code = "unknown_key"      // introduce the public key in an event's header
	BadProof        Code = "bad_proof"        // the proof of owning a key is not good
	BadSeal         Code = "bad_seal"         // the seal is not a good one of this batch; a replayed one never is
	UnknownServer   Code = "unknown_server"   // pin the server's fingerprint once you know that it is right
	WrongServer     Code = "wrong_server"     // the server is not the one that was pinned, or no longer encrypts
	Forked          Code = "forked"           // the server's history contradicts what it said before: trust neither, ask its operator
	NoReadKey       Code = "no_read_key"      // none of your read keys opens this data; ask its owner to add you
	BadPassphrase   Code = "bad_passphrase"   // the passphrase does not open the key file
	LoginFailed     Code = "login_failed"     // the name, the passphrase or the code is wrong; which, is not said
	NeedsLogin      Code = "needs_login"      // log in on this connection first
	BadToken        Code = "bad_token"        // get a new token: this one is no token, or not for this
	TokenExpired    Code = "token_expired"    // get a new token, or set the clock: the time for this one is not now
	TokenRevoked    Code = "token_revoked"    // get a new token: its user, or a change of his keys, ended this one
	Denied          Code = "denied"           // the auth resolver refuses this chain to this owner
	VersionConflict Code = "version_conflict" // load the newest version and try again
	Expired         Code = "expired"          // too much has happened since; look at the log's present state
	Locked          Code = "locked"           // another connection holds the object's lock; wait for it
	TooLarge        Code = "too_large"        // split it: the sentence names the limit
	Overloaded      Code = "overloaded"       // wait and try again: a limit on concurrent use is reached
	DiskFull        Code = "disk_full"        // the server's operator must make space; then try again
	Damaged         Code = "damaged"          // stored data failed its check; the operator must restore it
	OutOfSequence   Code = "out_of_sequence"  // storage was asked to leave a gap or to rewrite a record
	Insecure        Code = "insecure"         // DNSSEC does not prove the answer; its domain's operator must mend it
	Unavailable     Code = "unavailable"      // something needed is not there now; try again later
	ShuttingDown    Code = "shutting_down"    // connect again: the server is stopping
	Unsupported     Code = "not_supported"    // this server cannot do it; the sentence says what can
	Internal        Code = "internal"         // a bug or an unforeseen failure; the server's log says more
)

// Error is a failure with a code and a sentence. Compare with [Is] or
// [CodeOf]; the sentence may change between releases.
type Error struct {
	Code   Code
	Reason string // one sentence, without the code, fit to show to a person
	cause  error
}

// New returns a fault with a formatted sentence. A %w verb wraps its operand; of
// a fault, the sentence alone becomes part of the new one.
func New(code Code, format string, args ...any) *Error {
	for i, arg := range args {
		if f, ok := arg.(*Error); ok && f != nil {
			args[i] = wrapped{f}
		}
	}
	err := fmt.Errorf(format, args...)
	cause := errors.Unwrap(err)
	if w, ok := cause.(wrapped); ok {
		cause = w.fault
	}
	return &Error{Code: code, Reason: err.Error(), cause: cause}
}

// wrapped is a fault as part of another one's sentence.
type wrapped struct{ fault *Error }

func (w wrapped) Error() string { return w.fault.Reason }

// Error returns the sentence followed by the code in brackets.
func (e *Error) Error() string { return e.Reason + " [" + string(e.Code) + "]" }

// Unwrap returns the error that New wrapped with %w, if any.
func (e *Error) Unwrap() error { return e.cause }

// CodeOf returns the code of the first fault in err's chain, Internal for any
// other error, and "" for nil.
func CodeOf(err error) Code {
	if err == nil {
		return ""
	}
	var f *Error
	if errors.As(err, &f) {
		return f.Code
	}
	return Internal
}

// Is reports whether err is, or wraps, a fault with this code.
func Is(err error, code Code) bool {
	var f *Error
	return errors.As(err, &f) && f.Code == code
}

// From returns err as a fault: itself if it already is or wraps one,
// otherwise an Internal one that wraps it. From(nil) is nil.
func From(err error) *Error {
	if err == nil {
		return nil
	}
	var f *Error
	if errors.As(err, &f) {
		return f
	}
	return &Error{Code: Internal, Reason: err.Error(), cause: err}
}
