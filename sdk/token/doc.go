// Package token is keys that act for a user for a while.
//
// A token is a signing key and a read key of its own, and a delegation: a
// statement, signed by the user's key, that says what the signing key may do and
// until when. Who steals a token gets no more than that, and loses it when the
// user revokes the token or takes new keys.
//
// # Delegation
//
// The delegation is a Signed (see package account) whose statement is a
// Delegation of accountpb in canonical form, signed for keys.ForDelegation by its
// issuer alone. It has a random id of 16 bytes, the user's name, the issuer's
// public key, the id of the key that may act, when it begins and ends, 0 to 32
// scopes, whether it may speak for the user at the authentication server, and a
// label: one line of at most 128 bytes. It ends at most 90 days after it was
// made, and begins 5 minutes before, for clocks that are late.
//
// Who is shown a delegation checks that its issuer is the user's key, and asks
// the authentication server whether it holds.
//
// # Scopes
//
// A scope is a chain's name, as in example.com/joe/mydb, or the beginning of
// names followed by *, as in example.com/joe/* or * alone. A token may write the
// chains that one of its scopes covers, as far as its user may.
//
// # Showing a token
//
// At the authentication server, the token's key signs, for keys.ForLogin,
//
//	offset  size  field
//	     0     1  2, showing a token
//	     1    32  the connection's binding, as package wire says
//	    33    32  the server's fingerprint
//	    65    32  SHA-256 of the delegation's statement
//
// which is good for this connection to this server alone.
//
// # Text
//
// A token in text is one line, as secret as the keys in it:
//
//	ate-token-v1:<a Token of accountpb in base64url without padding>
//
// The number after "-v" is the version; a reader refuses others. A file holds the
// line, and a line break. It has mode 0600; one that others can read or write is
// refused.
//
// The example of [Parse] shows one.
package token
