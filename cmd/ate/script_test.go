package main

import (
	"encoding/base32"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/atedb/atedb/sdk/account"
	"github.com/atedb/atedb/sdk/authserver"
	"github.com/atedb/atedb/sdk/authserver/authservertest"
	"github.com/atedb/atedb/sdk/keys"
)

func number(ts *testscript.TestScript, s string) int {
	n, err := strconv.Atoi(s)
	ts.Check(err)
	return n
}

func exitStatus(err error) string {
	var exit *exec.ExitError
	switch {
	case err == nil:
		return "0"
	case errors.As(err, &exit):
		return strconv.Itoa(exit.ExitCode())
	}
	return err.Error()
}

// field sets a variable to the field after another in a file.
func field(ts *testscript.TestScript, _ bool, args []string) {
	for line := range strings.Lines(ts.ReadFile(args[1])) {
		fields := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		for i, f := range fields[:len(fields)-1] {
			if f == args[2] {
				ts.Setenv(args[0], fields[i+1])
				return
			}
		}
	}
	ts.Fatalf("%s has no field %s", args[1], args[2])
}

// totp sets a variable to a time-based code.
func totp(ts *testscript.TestScript, _ bool, args []string) {
	at := time.Now()
	if len(args) > 2 {
		at = at.Add(time.Duration(number(ts, args[2])) * 30 * time.Second)
	}
	code, err := codeOf(ts.ReadFile(args[1]), at)
	ts.Check(err)
	ts.Setenv(args[0], code)
}

// codeOf returns the time-based code of an otpauth URL.
func codeOf(url string, at time.Time) (string, error) {
	_, query, _ := strings.Cut(url, "?secret=")
	text, _, _ := strings.Cut(query, "&")
	secret, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(text)
	return authservertest.Code(secret, at), err
}

// authenticator is a program that prints the present code of the URL on its
// standard input.
func authenticator() {
	url, err := io.ReadAll(os.Stdin)
	if err != nil {
		panic(err)
	}
	code, err := codeOf(string(url), time.Now())
	if err != nil {
		panic(err)
	}
	fmt.Println(code)
}

// lie has the authentication server say that a user has another key, since a
// number of rotations.
func lie(ts *testscript.TestScript, _ bool, args []string) {
	id := &keys.Identity{Signing: keys.NewSigningKey(), Read: keys.NewReadKey()}
	advert := account.FirstAdvert(account.Name(args[0]), id, time.Now())
	for range number(ts, args[1]) {
		next, err := account.NextAdvert(advert, id, id, time.Now())
		ts.Check(err)
		advert = next
	}
	ts.Value("auth").(*authservertest.Server).Put(authserver.UserKey(args[0]), advert.Encode())
}
