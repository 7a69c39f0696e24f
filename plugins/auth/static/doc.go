// Package static is the auth plugin that knows owners from a file or from the
// configuration itself.
//
// # Owners file
//
// The file is YAML (and so JSON as well), UTF-8, at most [MaxFile] bytes: one
// mapping from owners to what they may have.
//
//	joe@example.com:            # his chains: one of these keys writes the roots
//	  - ate-identity-v1:joe:AXnc…:AmR9…
//	engineers: public           # the group's chains: anyone writes the roots
//	"*@example.com": public     # everyone else at example.com
//	"*": public                 # every other user and group
//
// An owner is name@domain, a group, *@domain or *, and the most exact one that
// is there answers for a chain. A chain whose owner none of them matches is
// denied. A key is a public identity or signing key in text, or the id of a
// signing key, as package keys writes them, or the standard base64 of an encoded
// public key, on one line.
// A list of keys may not be empty: nobody could be told from everybody.
//
// Unknown shapes are errors that name the line: other values, an owner twice,
// aliases, a second document. A file that is empty is an error too, since it
// may be half written; {} denies everyone.
package static
