package secrecy

import (
	"testing"

	"github.com/atedb/atedb/sdk/keys"
)

func BenchmarkSeal1KiB(b *testing.B) {
	k, plaintext := NewDataKey(), make([]byte, 1<<10)
	b.SetBytes(1 << 10)
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := k.Seal(testChain, []byte("0123456789abcdef"), plaintext); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkOpen1KiB(b *testing.B) {
	k := NewDataKey()
	ciphertext, e, err := k.Seal(testChain, []byte("0123456789abcdef"), make([]byte, 1<<10))
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(1 << 10)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := k.Open(testChain, []byte("0123456789abcdef"), e, ciphertext); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkNewDataKey(b *testing.B) {
	for b.Loop() {
		NewDataKey()
	}
}

func BenchmarkWrapToOne(b *testing.B) {
	k, member := NewDataKey(), keys.NewReadKey()
	for b.Loop() {
		if _, err := Wrap(k, testChain, []byte("o"), []keys.ReadPublicKey{member.Public()}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkUnwrap(b *testing.B) {
	member := keys.NewReadKey()
	record := wrapped(b, NewDataKey(), member)
	for b.Loop() {
		if _, err := record.Unwrap(testChain, member); err != nil {
			b.Fatal(err)
		}
	}
}
