// Package https is the auth plugin that fetches the keys of chains' owners from
// their domains over HTTPS.
//
// # Key document
//
// The domain example.com says who its users are at
//
//	https://example.com/.well-known/atedb/keys.json
//
// in a JSON document (RFC 8259) of at most 1 MiB:
//
//	{
//	  "version": 1,
//	  "users":  {"joe": ["ate-identity-v1:joe:AXnc…:AmR9…", "atekey1…"]},
//	  "groups": {"engineers": ["ate-sign-v1:AXnc…"]}
//	}
//
// There is a version, 1, and it is the first member; users and groups may be left
// out. There are no other members, none comes twice, and nothing but white space
// follows the document. A name is one as in a chain's name. It has 1 to 64 keys:
// public identities, of which the signing keys count, or signing keys, or ids of
// signing keys, in text as package keys writes them. Keys of Ed25519 alone are
// not taken. A document that is not like this says nothing about anybody; a key
// that is none says nothing about those who have it.
//
// Groups are those that the operator of the server says are the domain's.
//
// # SSH keys
//
// Instead, the operator may say where the SSH keys of a domain's users are:
//
//	https://git.example.com/{name}.keys
//
// with the user's name in the place of {name}, escaped. The answer is text of at
// most 1 MiB, with a key on each line, as in an authorized_keys file. Only
// ssh-ed25519 keys count; other lines are passed over. Such keys are NOT
// quantum-resistant: see package sshkey.
//
// # What is asked
//
// Whoever wants a chain chooses the domain in its name, and so what this plugin
// connects to. Therefore:
//
//   - only domains that the operator listed are asked, and no IP addresses;
//   - a name is looked up once, and the address that was checked is the one that is
//     connected to. Addresses that are not public ones, such as loopback, private,
//     link-local and shared ones, are left out;
//   - the certificate must be the domain's;
//   - redirects are not followed, and no proxy is used;
//   - answers are bounded in size and time, and so is how many are under way;
//   - of an answer, nobody is shown more than its status or the first thing that is
//     wrong with it, and of a failure not to which address it was.
package https
