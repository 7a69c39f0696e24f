package ldap

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"unicode"

	goldap "github.com/go-ldap/ldap/v3"
)

// maxResult is below the library's own codes, and above those of RFC 4511.
const maxResult = 200

// isResult reports whether the directory replied with one of these result codes,
// or with any but success if none are given.
func isResult(err error, codes ...uint16) bool {
	var result *goldap.Error
	if !errors.As(err, &result) || result.ResultCode >= maxResult {
		return false
	}
	return len(codes) == 0 || slices.Contains(codes, result.ResultCode)
}

// resultName returns the code and name of what the directory replied, without
// the text that it may have added.
func resultName(err error) string {
	var result *goldap.Error
	if !errors.As(err, &result) {
		return "no result"
	}
	name := goldap.LDAPResultCodeMap[result.ResultCode]
	if name == "" {
		name = "unknown"
	}
	return "result " + strconv.Itoa(int(result.ResultCode)) + ", " + name
}

// oneLine returns a text in which others had a hand as a short line.
func oneLine(text string) string {
	const limit = 200
	text = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) || r == unicode.ReplacementChar {
			return ' '
		}
		return r
	}, text)
	if len(text) > limit {
		return strings.ToValidUTF8(text[:limit], "") + "…"
	}
	return text
}
