package pqnoise

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/hmac"
	"crypto/mlkem"
	"crypto/sha3"
	"crypto/sha512"
	"encoding/binary"
	"fmt"
)

// A second implementation, written from the package comment and the documents
// that it names, with the standard library alone and nothing of the package.
// It follows a conversation as one who knows both private keys.

type naive struct {
	ck, h, k []byte
	n        uint64
}

func cat(parts ...[]byte) []byte {
	var all []byte
	for _, p := range parts {
		all = append(all, p...)
	}
	return all
}

func naiveHMAC(key []byte, parts ...[]byte) []byte {
	m := hmac.New(sha512.New, key)
	m.Write(cat(parts...))
	return m.Sum(nil)
}

// naiveHKDF is RFC 5869, written out.
func naiveHKDF(salt, ikm, info []byte, length int) []byte {
	if len(salt) == 0 {
		salt = make([]byte, 64)
	}
	return naiveExpand(naiveHMAC(salt, ikm), info, length)
}

func naiveExpand(prk, info []byte, length int) []byte {
	var out, t []byte
	for i := byte(1); len(out) < length; i++ {
		t = naiveHMAC(prk, t, info, []byte{i})
		out = append(out, t...)
	}
	return out[:length]
}

func naiveGCM(key []byte) cipher.AEAD {
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		panic(err)
	}
	return aead
}

func (s *naive) mixHash(x []byte) {
	sum := sha512.Sum512(cat(s.h, x))
	s.h = sum[:]
}

func (s *naive) mixKey(x []byte) {
	out := naiveHKDF(s.ck, x, nil, 128)
	s.ck, s.k, s.n = out[:64], out[64:96], 0
}

func (s *naive) mixKeyAndHash(x []byte) {
	out := naiveHKDF(s.ck, x, nil, 192)
	s.ck = out[:64]
	s.mixHash(out[64:128])
	s.k, s.n = out[128:160], 0
}

func (s *naive) decrypt(c []byte) []byte {
	nonce := binary.BigEndian.AppendUint64(make([]byte, 4), s.n)
	p, err := naiveGCM(s.k).Open(nil, nonce, c, s.h)
	if err != nil {
		panic(err)
	}
	s.mixHash(c)
	s.n++
	return p
}

// naiveKey is what a private key of either mechanism can do.
type naiveKey struct {
	public      []byte
	decapsulate func([]byte) []byte
}

func check[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func naiveXWing(seed []byte) naiveKey {
	expanded := sha3.SumSHAKE256(seed, 96)
	m := check(mlkem.NewDecapsulationKey768(expanded[:64]))
	x := check(ecdh.X25519().NewPrivateKey(expanded[64:]))
	pkx := x.PublicKey().Bytes()
	return naiveKey{cat(m.EncapsulationKey().Bytes(), pkx), func(ct []byte) []byte {
		ctm, ctx := ct[:1088], ct[1088:]
		ssm := check(m.Decapsulate(ctm))
		ssx := check(x.ECDH(check(ecdh.X25519().NewPublicKey(ctx))))
		sum := sha3.Sum256(cat(ssm, ssx, ctx, pkx, []byte(`\.//^\`)))
		return sum[:]
	}}
}

func naiveMLKEM1024P384(seed []byte) naiveKey {
	shake := sha3.NewSHAKE256()
	shake.Write(seed)
	var seedm [64]byte
	shake.Read(seedm[:])
	m := check(mlkem.NewDecapsulationKey1024(seedm[:]))
	var p *ecdh.PrivateKey
	for p == nil {
		var scalar [48]byte
		shake.Read(scalar[:])
		p, _ = ecdh.P384().NewPrivateKey(scalar[:])
	}
	pkp := p.PublicKey().Bytes()
	return naiveKey{cat(m.EncapsulationKey().Bytes(), pkp), func(ct []byte) []byte {
		ctm, ctp := ct[:1568], ct[1568:]
		ssm := check(m.Decapsulate(ctm))
		ssp := check(p.ECDH(check(ecdh.P384().NewPublicKey(ctp))))
		sum := sha3.Sum256(cat(ssm, ssp, ctp, pkp, []byte("MLKEM1024-P384")))
		return naiveExport(sum[:])
	}}
}

// naiveExport is the key schedule of RFC 9180 for the suite 0x0051, 0x0003,
// 0xffff in base mode, and then its secret export.
func naiveExport(shared []byte) []byte {
	suite := []byte("HPKE\x00\x51\x00\x03\xff\xff")
	extract := func(salt []byte, label string, ikm []byte) []byte {
		if len(salt) == 0 {
			salt = make([]byte, 64)
		}
		return naiveHMAC(salt, []byte("HPKE-v1"), suite, []byte(label), ikm)
	}
	expand := func(prk []byte, label string, info []byte, length int) []byte {
		return naiveExpand(prk, cat([]byte{byte(length >> 8), byte(length)}, []byte("HPKE-v1"), suite, []byte(label), info), length)
	}
	context := cat([]byte{0}, extract(nil, "psk_id_hash", nil), extract(nil, "info_hash", nil))
	exporter := expand(extract(shared, "secret", nil), "exp", context, 64)
	return expand(exporter, "sec", []byte("AteDB pqNX"), 32)
}

// naiveOutcome is what a handshake ends in.
type naiveOutcome struct {
	hash, payload, client, server []byte
}

func naiveHandshake(level int, prologue, eSeed, sSeed, m1, m2, m3 []byte) (o naiveOutcome) {
	name, newKey, ctSize := "Noise_pqNX_XWing_AESGCM_SHA512/AES%d", naiveXWing, 1120
	if level == 256 {
		name, newKey, ctSize = "Noise_pqNX_MLKEM1024P384_AESGCM_SHA512/AES%d", naiveMLKEM1024P384, 1665
	}
	e, static := newKey(eSeed), newKey(sSeed)
	s := &naive{h: make([]byte, 64)}
	copy(s.h, fmt.Sprintf(name, level))
	s.ck = s.h
	s.mixHash(prologue)
	if string(m1) != string(e.public) {
		panic("message 1 is not e")
	}
	s.mixHash(m1)
	s.mixHash(nil)
	s.mixHash(m2[:ctSize])
	s.mixKey(e.decapsulate(m2[:ctSize]))
	keyEnd := ctSize + len(static.public) + 16
	if string(s.decrypt(m2[ctSize:keyEnd])) != string(static.public) {
		panic("message 2 does not carry s")
	}
	o.payload = s.decrypt(m2[keyEnd:])
	skem := s.decrypt(m3[:ctSize+16])
	s.mixKeyAndHash(static.decapsulate(skem))
	s.decrypt(m3[ctSize+16:])
	out := naiveHKDF(s.ck, nil, nil, 128)
	o.hash, o.client, o.server = s.h, out[:32], out[64:96]
	return o
}

// naiveFrames opens a direction's stream and returns the plaintext, and how
// often the key was changed. It panics if the stream is not whole.
func naiveFrames(level int, secret, stream []byte) (plain []byte, rekeys int) {
	var aead cipher.AEAD
	var iv []byte
	var count uint64
	next := func() {
		out := naiveHKDF(nil, secret, fmt.Appendf(nil, "AteDB frames %d", level), level/8+12+32)
		aead, iv, secret, count = naiveGCM(out[:level/8]), out[level/8:level/8+12], out[level/8+12:], 0
	}
	next()
	for {
		header := stream[:4]
		n := int(header[0]) | int(header[1])<<8 | int(header[2])<<16
		nonce := cat(iv)
		for i := range 8 {
			nonce[4+i] ^= byte(count >> (8 * (7 - i)))
		}
		p := check(aead.Open(nil, nonce, stream[4:4+n+16], header))
		stream = stream[4+n+16:]
		count++
		switch header[3] {
		case 0:
			plain = append(plain, p...)
		case 1:
			next()
			rekeys++
		case 2:
			if len(stream) > 0 {
				panic("bytes after the close frame")
			}
			return plain, rekeys
		}
	}
}
