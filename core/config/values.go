package config

import (
	"fmt"
	"strconv"

	"github.com/atedb/atedb/sdk/fault"
)

// The kinds of plugins, as in the names of their programs.
const (
	KindStorage    = "storage"
	KindAuth       = "auth"
	KindTrust      = "trust"
	KindCompaction = "compaction"
)

// The two trust modes that the daemon knows by name.
const (
	TrustCentralized = "centralized"
	TrustDistributed = "distributed"
)

// The rules for several auth plugins.
const (
	AuthFirstAnswer = "first-answer" // the first that grants or denies
	AuthFirstGrant  = "first-grant"  // the first that grants
	AuthAll         = "all"          // all have to grant, the same keys
)

// Names that may stand in a file, best first where the order matters.
var (
	kinds          = []string{KindStorage, KindAuth, KindTrust, KindCompaction}
	logLevels      = []string{"trace", "debug", "info", "warn", "error", "off"}
	logFormats     = []string{"auto", "text", "json"}
	authRules      = []string{AuthFirstAnswer, AuthFirstGrant, AuthAll}
	trustModes     = []string{TrustCentralized, TrustDistributed}
	compactModes   = []string{"never", "modified", "timer", "factor", "size", "factor-or-timer", "growth-or-timer", "size-or-timer"}
	wireEncryption = []string{"128", "192", "256", "off"}
)

// WireEncryption is the strength of the wire's encryption in bits: 128, 192 or
// 256, or 0 for off.
type WireEncryption int

// UnmarshalText accepts 128, 192, 256 and off.
func (w *WireEncryption) UnmarshalText(text []byte) error {
	switch s := string(text); s {
	case "off":
		*w = 0
	case "128", "192", "256":
		bits, err := strconv.Atoi(s)
		*w = WireEncryption(bits)
		return err
	default:
		return fmt.Errorf("must be one of %s", list(wireEncryption))
	}
	return nil
}

// String returns the form that UnmarshalText accepts.
func (w WireEncryption) String() string {
	if w == 0 {
		return "off"
	}
	return strconv.Itoa(int(w))
}

// MarshalJSON writes a number, or "off", as in a file.
func (w WireEncryption) MarshalJSON() ([]byte, error) {
	if w == 0 {
		return []byte(`"off"`), nil
	}
	return []byte(w.String()), nil
}

// Origin is where a setting's value came from. Its zero value is the default.
type Origin struct {
	Layer Layer
	Name  string // the file's path, the variable's or the flag's name
	Line  int    // in a file; 0 if it is not known
}

// Layer is one of the places that settings come from.
type Layer string

// The layers, weakest first.
const (
	FromDefault Layer = ""
	FromFile    Layer = "file"
	FromEnv     Layer = "env"
	FromFlag    Layer = "flag"
)

// String returns "default", "file:PATH", "env:NAME" or "flag:--NAME".
func (o Origin) String() string {
	switch o.Layer {
	case FromDefault:
		return "default"
	case FromFlag:
		return "flag:--" + o.Name
	default:
		return string(o.Layer) + ":" + o.Name
	}
}

// place is where the operator has to look to change the value.
func (o Origin) place() string {
	switch {
	case o.Layer == FromDefault:
		return "default"
	case o.Layer == FromFlag:
		return "--" + o.Name
	case o.Line > 0:
		return o.Name + ":" + strconv.Itoa(o.Line)
	default:
		return o.Name
	}
}

// bad is a fault at a place. On the command line it is a [FlagError].
func (o Origin) bad(format string, args ...any) error {
	err := fault.New(fault.BadConfig, "%s: %w", o.place(), fmt.Errorf(format, args...))
	if o.Layer == FromFlag {
		return &FlagError{err}
	}
	return err
}

// FlagError is a fault on the command line rather than in a file or in the
// environment: wrong usage.
type FlagError struct{ fault *fault.Error }

func (e *FlagError) Error() string { return e.fault.Error() }

// Unwrap returns the fault.
func (e *FlagError) Unwrap() error { return e.fault }
