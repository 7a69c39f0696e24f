// Package dns looks names up. Whatever AteDB asks of DNS, in the daemon, in a
// plugin or in a client, goes through a [Resolver], so that one setting says
// which server is asked and whether DNSSEC must prove its answers.
//
// The design put this into core. It stands in the sdk because plugins and the
// client's program look names up too, and may import nothing but the sdk.
//
// # Names that need no DNS
//
// The addresses of these are known without asking, in this order:
//
//   - IP addresses, IPv6 ones with or without a zone;
//   - localhost and the names under it (RFC 6761): 127.0.0.1 and ::1;
//   - names in the system's hosts file.
//
// Nothing that DNS says changes them, and [Config.Secure] does not touch them.
// Any other name is absolute, with or without a dot at its end: no search list
// is applied. Labels are letters, digits, '-' and '_'; a name in other letters is
// written in its xn-- form.
//
// # Asking
//
// A query goes over UDP, from a socket of its own and with a random id, and says
// by EDNS0 (RFC 6891) that 1232 bytes may come back. What comes from elsewhere,
// has another id, or answers another question is dropped. An answer that is cut
// off, or longer than that, is asked for again over TCP, where it may have 16 KiB.
// A server has two seconds to answer; then it, or the next one that the system
// names, is asked once more. The caller's context bounds all of this.
//
// # Not believing
//
// Without Secure the server is believed, and aliases (CNAME) are followed, eight
// at most. With Secure, only what package dnssec proves from the anchors of the
// root is. The server's own checking is switched off (CD) and its word (AD)
// counts for nothing, so the server and the path to it need no trust.
//
// # Errors
//
//	bad_request   the name is no domain name
//	bad_config    New: the server or the anchors are not usable
//	not_found     there is no such name, or it has no such record; never with Secure
//	insecure      Secure only: DNSSEC does not prove the answer, or there is none.
//	              That a record is missing is not proven, so it is never not_found
//	unavailable   no server gave a usable answer in time; ask again later
package dns
