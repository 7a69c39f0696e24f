package keys

import (
	"fmt"
	"io"
)

const redacted = "[secret]"

// Format prints [secret], whatever the verb.
func (SigningKey) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, redacted) }

// Format prints [secret], whatever the verb.
func (ReadKey) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, redacted) }
