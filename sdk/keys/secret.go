package keys

import (
	"fmt"
	"io"
)

// Whatever holds a key in an unexported field is printed without its Format;
// fmt follows a pointer there when the verb does not suit one. It never calls a
// function, so the secret halves are behind one.

const redacted = "[secret]"

// Format prints [secret], whatever the verb.
func (SigningKey) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, redacted) }

// Format prints [secret], whatever the verb.
func (ReadKey) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, redacted) }
