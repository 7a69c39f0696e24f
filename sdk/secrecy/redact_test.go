package secrecy

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/keys"
)

// No way of printing what holds a data key, and no error, shows the secret or
// the data.
func TestSecretsNeverShow(t *testing.T) {
	const plaintext = "attack at dawn, by the river"
	k, member := NewDataKey(), keys.NewReadKey()
	r := wrapped(t, k, member)
	ring := NewKeyring(testChain, member)
	ring.Put(k)
	holder := struct {
		key   *DataKey
		value DataKey
		any   any
		list  []*DataKey
		ring  *Keyring
	}{k, *k, k, []*DataKey{k}, ring}
	var texts []string
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%o", "%b", "%c"} {
		for _, value := range []any{k, *k, holder, &holder, []DataKey{*k}, map[string]*DataKey{"k": k}, ring} {
			texts = append(texts, fmt.Sprintf(verb, value))
		}
	}
	encoded, err := json.Marshal(map[string]any{"key": k, "value": *k})
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "key", k, "value", *k, "holder", holder)
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "key", k, "value", *k, "holder", holder)
	texts = append(texts, string(encoded), log.String())

	ciphertext, e := mustSeal(t, k, testChain, []byte("o"), []byte(plaintext))
	_, wrongChain := k.Open(otherChain, []byte("o"), e, ciphertext)
	_, wrongKey := k.Next().Open(testChain, []byte("o"), e, ciphertext)
	_, wrongGeneration := k.Open(testChain, []byte("o"), event.Encryption{Key: k.ID(), Generation: 9}, ciphertext)
	_, wrongMember := r.Unwrap(testChain, keys.NewReadKey())
	_, wrongRecord := r.Unwrap(otherChain, member)
	lie := wrapped(t, &DataKey{secret: k.secret, id: event.Hash{1}, generation: 1}, member)
	_, lied := lie.Unwrap(testChain, member)
	_, _, tooLarge := k.Seal(testChain, []byte("o"), make([]byte, MaxPlaintext+1))
	_, nobody := Wrap(k, testChain, []byte("o"), nil)
	for _, err := range []error{wrongChain, wrongKey, wrongGeneration, wrongMember, wrongRecord, lied, tooLarge, nobody} {
		if err == nil {
			t.Fatal("there is no error")
		}
		texts = append(texts, err.Error(), fmt.Sprintf("%+v %#v", err, err))
	}
	for _, text := range texts {
		for form, secret := range secretForms(k) {
			if strings.Contains(text, secret) {
				t.Errorf("the secret shows, as %s, in: %s", form, text)
			}
		}
		if strings.Contains(text, plaintext) {
			t.Errorf("the data shows in: %s", text)
		}
	}
}

// secretForms has the beginnings of how a secret could show.
func secretForms(k *DataKey) map[string]string {
	part := k.secret()[:6]
	return map[string]string{
		"bytes":   string(part),
		"hex":     hex.EncodeToString(part),
		"HEX":     strings.ToUpper(hex.EncodeToString(part)),
		"base64":  base64.StdEncoding.EncodeToString(part),
		"numbers": strings.Trim(fmt.Sprint(part), "[]"),
		"octal":   strings.Trim(fmt.Sprintf("%o", part), "[]"),
		"binary":  strings.Trim(fmt.Sprintf("%b", part), "[]"),
		"source":  strings.TrimSuffix(strings.TrimPrefix(fmt.Sprintf("%#v", part), "[]byte{"), "}"),
	}
}

// Every way of printing a key names it.
func TestPrintingNamesTheKey(t *testing.T) {
	k := NewDataKey()
	want := "data key " + k.ID().String() + ", generation 1"
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x"} {
		if got := fmt.Sprintf(verb+" "+verb, k, *k); got != want+" "+want {
			t.Errorf("%s: printed as %q", verb, got)
		}
	}
}
