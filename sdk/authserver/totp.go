package authserver

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"net/url"

	"github.com/atedb/atedb/sdk/account"
	"github.com/atedb/atedb/sdk/authserver/authserverpb"
)

// totpSecretSize is the size of a secret of time-based codes, in bytes.
const totpSecretSize = 20

// NewTOTPSecret returns a new secret of time-based codes, for a program that
// shows them (RFC 6238: SHA-1, 6 digits, 30 seconds) and for
// [Session.EnableTOTP].
func NewTOTPSecret() []byte {
	secret := make([]byte, totpSecretSize)
	rand.Read(secret)
	return secret
}

// TOTPURL returns the URL by which programs that show time-based codes take a
// secret: the text of a QR code.
func TOTPURL(name account.Name, secret []byte) string {
	u := url.URL{Scheme: "otpauth", Host: "totp", Path: "/AteDB:" + name.String()}
	u.RawQuery = "secret=" + base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(secret) +
		"&issuer=AteDB&algorithm=SHA1&digits=6&period=30"
	return u.String()
}

// EnableTOTP has the user's logins need time-based codes, once the present code
// of the secret shows that he has it.
func (s *Session) EnableTOTP(ctx context.Context, secret []byte, code string) error {
	return s.setTOTP(ctx, secret, code)
}

// DisableTOTP has them need none any more. It takes the present code.
func (s *Session) DisableTOTP(ctx context.Context, code string) error {
	return s.setTOTP(ctx, nil, code)
}

func (s *Session) setTOTP(ctx context.Context, secret []byte, code string) error {
	l, err := s.fresh()
	if err != nil {
		return err
	}
	err = s.do(ctx, &authserverpb.Request{Ask: &authserverpb.Request_SetTotp{SetTotp: &authserverpb.SetTotp{
		Secret: secret, TotpKey: l.credential.TOTPKey(), Code: code,
	}}})
	if err == nil {
		l.stale = true
	}
	return err
}
