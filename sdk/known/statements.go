package known

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"strconv"

	"github.com/atedb/atedb/sdk/fault"
)

// Limits of a statement.
const (
	MaxStatement     = 32 << 10 // bytes
	maxStatementName = 320      // bytes of whom it is about
	maxStatementFile = MaxStatement*4/3 + maxRecord
)

// Statements remembers the newest statement that an authentication server has
// shown of each user and group: their numbers ascend. [Folder] and [Memory]
// implement it. Its methods may be called concurrently. It does not look into a
// statement.
type Statements interface {
	// LastStatement returns what is remembered of a name at a server, and
	// whether anything is.
	LastStatement(host, name string) (Statement, bool, error)
	// RememberStatement remembers a statement unless the one that is
	// remembered has the same number or a higher one.
	RememberStatement(host, name string, s Statement) error
}

// Statement is what a server has shown of a user or a group.
type Statement struct {
	Number  uint64
	Encoded []byte // with its signatures, at most MaxStatement bytes; not changed by who has it
}

// checkStatement returns the host spelled in the one way that is kept. A name
// has no blanks and no other characters that mean something in a file of lines.
func checkStatement(host, name string) (string, error) {
	if name == "" || len(name) > maxStatementName {
		return "", fault.New(fault.BadName, "the name of a user or group has %d bytes; 1 to %d are allowed", len(name), maxStatementName)
	}
	for i := range len(name) {
		if name[i] <= ' ' || name[i] > '~' {
			return "", fault.New(fault.BadName, "the name %q of a user or group has %q in it; letters, digits and + - . @ _ are allowed", name, name[i])
		}
	}
	return checkAddress(host)
}

// LastStatement implements [Statements]. A file that fails its check is a
// damaged fault that names it.
func (d Folder) LastStatement(host, name string) (Statement, bool, error) {
	host, err := checkStatement(host, name)
	if err != nil {
		return Statement{}, false, err
	}
	path := d.statementPath(host, name)
	raw, ok, err := d.read(path, maxStatementFile)
	if err != nil || !ok {
		return Statement{}, false, err
	}
	s, err := decodeStatement(raw, host, name)
	if err != nil {
		return Statement{}, false, badRecord(path, "what was said of a user or group", err)
	}
	return s, true, nil
}

// RememberStatement implements [Statements]. It is durable when it returns.
func (d Folder) RememberStatement(host, name string, s Statement) error {
	host, err := checkStatement(host, name)
	if err != nil {
		return err
	}
	if len(s.Encoded) > MaxStatement {
		return fault.New(fault.TooLarge, "what is to be remembered of %s has %d bytes; at most %d are allowed", name, len(s.Encoded), MaxStatement)
	}
	unlock, err := d.lock()
	if err != nil {
		return err
	}
	defer unlock()
	before, ok, err := d.LastStatement(host, name)
	if err != nil || ok && before.Number >= s.Number {
		return err
	}
	return d.write(d.statementPath(host, name), s.encode(host, name))
}

func (d Folder) statementPath(host, name string) string {
	sum := sha256.Sum256([]byte(host + "\n" + name))
	return d.path(statementsDir, hex.EncodeToString(sum[:]))
}

func (s Statement) encode(host, name string) []byte {
	return encodeRecord("statement", "host "+host, "name "+name,
		"number "+strconv.FormatUint(s.Number, 10), "signed "+base64.StdEncoding.EncodeToString(s.Encoded))
}

func decodeStatement(raw []byte, host, name string) (Statement, error) {
	values, err := decodeRecord(raw, "statement", "host", "name", "number", "signed")
	if err != nil {
		return Statement{}, err
	}
	number, err := strconv.ParseUint(values[2], 10, 64)
	if err != nil || values[0] != host || values[1] != name {
		return Statement{}, fault.New(fault.Damaged, "it is of number %.30q of %.400s at %.400s", values[2], values[1], values[0])
	}
	encoded, err := base64.StdEncoding.Strict().DecodeString(values[3])
	if err != nil || len(encoded) > MaxStatement {
		return Statement{}, fault.New(fault.Damaged, "its statement is not at most %d bytes in base64", MaxStatement)
	}
	return Statement{Number: number, Encoded: encoded}, nil
}

// LastStatement implements [Statements].
func (m *Memory) LastStatement(host, name string) (Statement, bool, error) {
	host, err := checkStatement(host, name)
	if err != nil {
		return Statement{}, false, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	s, ok := m.statements[host+"\n"+name]
	return s, ok, nil
}

// RememberStatement implements [Statements].
func (m *Memory) RememberStatement(host, name string, s Statement) error {
	host, err := checkStatement(host, name)
	if err != nil {
		return err
	}
	if len(s.Encoded) > MaxStatement {
		return fault.New(fault.TooLarge, "what is to be remembered of %s has %d bytes; at most %d are allowed", name, len(s.Encoded), MaxStatement)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	key := host + "\n" + name
	if before, ok := m.statements[key]; ok && before.Number >= s.Number {
		return nil
	}
	if m.statements == nil {
		m.statements = make(map[string]Statement)
	}
	m.statements[key] = Statement{Number: s.Number, Encoded: bytes.Clone(s.Encoded)}
	return nil
}
