// Package dnssec proves DNS records by the chain of signatures that begins with
// the keys of the root (RFC 4033, 4034, 4035, 6840). It asks whatever [Fetch]
// asks, and needs to trust neither that server nor the way to it.
//
// The package only proves that a record is there. Whatever is not proven fails,
// and with the same code, insecure: a record without a signature, a zone without
// a DS record, an answer without the record. That something is not there, or not
// signed, is never taken as proven, so there is nothing to gain by leaving
// something out of an answer (a downgrade), and NSEC and NSEC3 are not read.
//
// # The chain
//
// A signature names its signer, the zone that has the record. To prove a record
// is to prove the keys of its signer and to check the signature with one of
// them. To prove the keys of a zone is
//
//  1. to prove its DS record, whose signer is a zone further up, and so on to
//     the root, whose DS records are the trust anchors;
//  2. to find, among the zone's DNSKEY records, keys that the DS record names;
//  3. to check the signature of the DNSKEY records with one of these.
//
// A label without a zone of its own is passed over by itself. For x.test.:
//
//	anchors  → DNSKEY .  → DS test.  → DNSKEY test.  → DS x.test.  → DNSKEY x.test.  → TXT x.test.
//
// # Rules
//
// Checking a signature with a key is left to github.com/miekg/dns, as is the
// canonical form. All else is checked here:
//
//   - A signature is within its time, in the arithmetic of RFC 1982, by this
//     machine's clock and without allowance for its being wrong.
//   - The signer of DNSKEY records is their own name; of a DS record, a name
//     properly above it; of any other, its name or one above it, by whole labels.
//   - The algorithm of a signature, a key and a DS record is RSA/SHA-256 (8),
//     ECDSA P-256 or P-384 (13, 14) or Ed25519 (15). RSA/SHA-512 (10), which
//     hardly any zone uses, SHA-1 and the rest count for nothing.
//   - The digest of a DS record is SHA-256 (2) or SHA-384 (4).
//   - A key has the ZONE flag and not the REVOKE flag (RFC 5011), and protocol 3.
//     The SEP flag is a hint for people and is not looked at.
//   - An RSA key that a DS record or an anchor names has at least 2048 bits; such
//     keys stand for years. One that only signs records has at least 1024: zones
//     that many names hang from still use 1024 to 2048 bits there and change
//     the key every few months. A zone that wants more uses 13 or 15.
//   - As many labels are signed as the name has, so no wildcard counts: without
//     NSEC nothing proves that the name itself does not exist.
//   - An answer with an alias, CNAME or DNAME, is refused.
//   - A record's TTL counts up to the one that is signed.
//   - What a look-up costs is bounded; see limits.go.
//
// A zone above the record may sign in place of the one below it. That gives it
// no power that it lacks, as it says which keys the lower zone has.
package dnssec
