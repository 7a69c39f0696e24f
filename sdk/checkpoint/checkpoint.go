package checkpoint

import (
	"encoding/base64"
	"errors"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/keys"
	"github.com/atedb/atedb/sdk/merkle"
)

// Limits in bytes.
const (
	MaxNote   = 16 << 10 // of a checkpoint
	MaxServer = 255      // of a server's name
)

const originPrefix = "atedb/chain/"

// Checkpoint is what a good note says.
type Checkpoint struct {
	Head       merkle.Head
	Server     string   // the name beside the server's signature, which does not cover it
	Extensions []string // the lines after the root
}

// Sign returns the head of a chain as a note signed by the server's key. The
// server's name is any text of 1 to MaxServer letters, digits and signs of ASCII,
// such as its address or its fingerprint; with another one, and for a head over
// merkle.MaxSize, the error is a bad_request fault. A plus, which notes do not
// allow in a name, becomes a minus.
func Sign(key *keys.SigningKey, server string, chain event.ChainID, head merkle.Head) (string, error) {
	if !validName(server) {
		return "", fault.New(fault.BadRequest, "%.100q cannot stand beside a checkpoint's signature; a server's name there has 1 to %d visible characters of ASCII", server, MaxServer)
	}
	if head.Size > merkle.MaxSize {
		return "", fault.New(fault.BadRequest, "a head of size %d cannot be signed; the largest size is %d", head.Size, uint64(merkle.MaxSize))
	}
	signed, err := note.Sign(&note.Note{Text: text(chain, head)}, newSigner(key, strings.ReplaceAll(server, "+", "-")))
	if err != nil {
		return "", fault.New(fault.Internal, "signing a checkpoint: %w", err)
	}
	return string(signed), nil
}

// Open returns the head that a note says a chain has, once [Read] finds the note
// good.
func Open(signed string, pub keys.PublicKey, chain event.ChainID) (merkle.Head, error) {
	c, err := Read(signed, pub, chain)
	return c.Head, err
}

// Read checks that a note is a checkpoint of a chain, signed by the owner of a
// key, and returns what it says. A note that is not well-formed is a bad_message
// fault, one that the key has not signed a wrong_server one, and one that it has
// signed for another chain a bad_proof one.
func Read(signed string, pub keys.PublicKey, chain event.ChainID) (Checkpoint, error) {
	if len(signed) > MaxNote {
		return Checkpoint{}, fault.New(fault.BadMessage, "a checkpoint has %d bytes; at most %d are allowed", len(signed), MaxNote)
	}
	n, err := note.Open([]byte(signed), verifiers{pub})
	if err != nil {
		return Checkpoint{}, openError(err, pub)
	}
	c, err := parse(n.Text, chain)
	c.Server = n.Sigs[0].Name
	if err != nil {
		return Checkpoint{}, err
	}
	return c, nil
}

func openError(err error, pub keys.PublicKey) error {
	var unverified *note.UnverifiedNoteError
	var invalid *note.InvalidSignatureError
	switch {
	case errors.As(err, &unverified):
		return fault.New(fault.WrongServer, "a checkpoint is not signed by the server's key %s: it is another server's, or the server's key has changed", pub.ID())
	case errors.As(err, &invalid):
		return fault.New(fault.WrongServer, "a checkpoint's signature by the server's key %s is not a good one: it was altered, or is a forgery", pub.ID())
	}
	return fault.New(fault.BadMessage, "a checkpoint is not a well-formed note: %w", err)
}

func text(chain event.ChainID, head merkle.Head) string {
	return originPrefix + chain.String() + "\n" + strconv.FormatUint(head.Size, 10) + "\n" + base64.StdEncoding.EncodeToString(head.Root[:]) + "\n"
}

// parse parses the text of a note. Only what text writes, with extensions, is
// accepted.
func parse(signed string, chain event.ChainID) (Checkpoint, error) {
	lines := strings.Split(strings.TrimSuffix(signed, "\n"), "\n")
	if len(lines) < 3 {
		return Checkpoint{}, fault.New(fault.BadMessage, "a checkpoint has %d lines before its signatures; at least 3 are needed", len(lines))
	}
	for i, line := range lines {
		if line == "" {
			return Checkpoint{}, fault.New(fault.BadMessage, "line %d of a checkpoint is empty", i+1)
		}
	}
	if want := originPrefix + chain.String(); lines[0] != want {
		return Checkpoint{}, fault.New(fault.BadProof, "a checkpoint is of %.100q instead of %q", lines[0], want)
	}
	size, err := strconv.ParseUint(lines[1], 10, 64)
	root, rootErr := base64.StdEncoding.DecodeString(lines[2])
	if err != nil || rootErr != nil || len(root) != len(event.Hash{}) || size > merkle.MaxSize {
		return Checkpoint{}, fault.New(fault.BadMessage, "a checkpoint says that its size is %.100q and its root %.100q, which are not a size and a hash", lines[1], lines[2])
	}
	head := merkle.Head{Size: size, Root: event.Hash(root)}
	if !strings.HasPrefix(signed, text(chain, head)) {
		return Checkpoint{}, fault.New(fault.BadMessage, "a checkpoint says that its size is %.100q and its root %.100q, which are spelled in a way that no server does", lines[1], lines[2])
	}
	return Checkpoint{Head: head, Extensions: lines[3:]}, nil
}

func validName(name string) bool {
	return len(name) >= 1 && len(name) <= MaxServer &&
		strings.IndexFunc(name, func(r rune) bool { return r <= ' ' || r > '~' }) < 0
}
