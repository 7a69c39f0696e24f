// Package canonical decodes messages that have one form only: what protobuf
// encoders write, with the fields in the order of their numbers, each once,
// defaults left out, and nothing that this version does not know. What is
// signed or hashed is decoded so, and a field of a later version is refused
// rather than overlooked.
package canonical

import (
	"bytes"
	"errors"

	"google.golang.org/protobuf/proto"
)

// Message is a generated message.
type Message interface {
	proto.Message
	MarshalVT() ([]byte, error)
}

// ErrForm says that the bytes are a message in another form.
var ErrForm = errors.New("it is not in canonical form, or has fields of a later version")

// Decode decodes b into the empty message m, which shares no memory with b. The
// caller bounds the length of b, and with it the memory that m takes.
func Decode(b []byte, m Message) error {
	// UnmarshalVT would keep unknown fields, and write them again.
	if err := (proto.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(b, m); err != nil {
		return err
	}
	again, err := m.MarshalVT()
	if err != nil {
		return err
	}
	if !bytes.Equal(again, b) {
		return ErrForm
	}
	return nil
}

// Encode returns the one form of m.
func Encode(m Message) []byte {
	b, err := m.MarshalVT()
	if err != nil {
		panic(err) // no message of ours fails to encode
	}
	return b
}
