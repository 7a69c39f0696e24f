package known

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"github.com/atedb/atedb/sdk/fault"
)

// maxRecord bounds a file of heads or names, in bytes.
const maxRecord = 4 << 10

const recordVersion = "1"

// encodeRecord returns the file of a kind with the fields "key value".
func encodeRecord(kind string, fields ...string) []byte {
	body := "ate " + kind + " " + recordVersion + "\n" + strings.Join(fields, "\n") + "\n"
	return []byte(body + "sum " + recordSum(body) + "\n")
}

func recordSum(body string) string {
	sum := sha256.Sum256([]byte(body))
	return hex.EncodeToString(sum[:8])
}

// decodeRecord returns the values of a record that has exactly these keys.
func decodeRecord(raw []byte, kind string, keys ...string) ([]string, error) {
	text := string(raw)
	version, _, _ := strings.Cut(text, "\n")
	if v, ok := strings.CutPrefix(version, "ate "+kind+" "); ok && v != "" && v != recordVersion && strings.Trim(v, "0123456789") == "" {
		return nil, fault.New(fault.Unsupported, "it is of version %.20s, and this program knows version %s", v, recordVersion)
	}
	at := strings.LastIndex(strings.TrimSuffix(text, "\n"), "\n") + 1
	if text[at:] != "sum "+recordSum(text[:at])+"\n" {
		return nil, fault.New(fault.Damaged, "its sum is not that of its content")
	}
	lines := strings.Split(text[:at], "\n")
	if len(lines) != len(keys)+2 || version != "ate "+kind+" "+recordVersion {
		return nil, fault.New(fault.Damaged, "it is not a %s", kind)
	}
	values := make([]string, len(keys))
	for i, key := range keys {
		value, ok := strings.CutPrefix(lines[i+1], key+" ")
		if !ok {
			return nil, fault.New(fault.Damaged, "its line %d does not say the %s", i+2, key)
		}
		values[i] = value
	}
	return values, nil
}
