// Package authserver is the protocol of an authentication server, version 1, and
// its client. The server knows users, groups and tokens: whose key is whose.
//
// # Address
//
// A server is reached at a URL
//
//	ws://auth.example.com:5001/auth
//	wss://auth.example.com/auth#fp=SHA256:…
//
// whose path is exactly /auth. The default port is 5001. After # there may be the
// fingerprint that the server must have, as package identity writes it.
//
// # Connection
//
// It begins as package wire says: transport, hellos, encryption, binding. What
// follows are messages of two types, in the same framing:
//
//	client                         server
//	AuthRequest (64)   ──────────►
//	AuthRequest        ──────────►
//	                   ◄──────────  AuthReply (192), one for each, in order
//
// that hold a Request and a Reply of [authserverpb]. Each has at most MaxMessage
// bytes, and a request MaxBefore until a Login or Present was answered well. The
// client may have MaxUnanswered requests unanswered; the server reads no further
// beyond that. A refusal has a code and a reason and no answer; it ends nothing. If
// something is wrong with the connection as a whole, the server says Bye (139)
// with a code and closes it. It also closes connections that ask nothing for
// IdleTimeout.
//
// # Who may ask what
//
//	anybody          Look, CheckToken, GetStretch, Login, Present, CreateUser
//	with a token     GetUser, PutGroup, GetGroup, ListTokens, RevokeToken
//	with a login     the same, and PutUser, SetTotp, RegisterToken
//
// A connection acts for one user: by a Login, or by Present if the token may
// speak for the user at the server. Without that, what needs it is refused with
// needs_login. Either signs the connection's binding and the server's
// fingerprint, and a client says neither on a connection that is not proven to
// be the server's, by wire encryption or wss://.
//
// A Login's key is made of the passphrase, or of the recovery code, stretched as
// GetStretch answers, which for a name that is not known answers too. With the
// right key and a missing code the answer is totp_needed, and the client logs in
// again with the code; totp_key then opens the secret that the server checks it
// with. One that is wrong is login_failed, whatever was wrong; too many are
// overloaded, with how long to wait. A recovery code needs no time-based code.
//
// CreateUser, PutUser, PutGroup, RegisterToken and RevokeToken are answered when
// they are durable. What they may say is in the packages account, group and
// token; the server checks what they sign and forwards what it cannot open.
//
// # Proof
//
// The server's log is a chain named auth/accounts, of centralized trust, whose
// owner is the signing key of the server's identity. A user's advert is the data
// of the object "user/" and a group's statement that of "group/", each followed
// by the SHA-256 of the name in hexadecimal: an encoded Signed of package
// account. When another takes its place, it is kept as the data of an object of
// its own, whose key is that one, a slash and the statement's number in decimal.
//
// Found shows the object's newest event, that it stands in the checkpoint's head,
// and that the head continues the one that the client knows; the checkpoint is
// signed by the key that the connection proved. For a name that nobody has there
// is no frame, and the checkpoint alone. A client that knows number N of a name
// looks from N+1 on, and Found shows the statements before the newest as well,
// each with its proof: MaxEarlier at most, so that it may take several Looks to
// see all of them.
//
// A client remembers the head and each name's newest statement, and trusts a newer
// one only when each step from the one to the other is signed by who was entitled
// to it before the step. It takes MaxLinks steps at once and remembers where it
// ended. So a server that takes back what it said, tells two stories, or puts its
// own key in a user's place, is found out: see [Client.LookUser]. That it shows an older statement to somebody who saw no newer one is not: it
// would have to go on hiding from that client what it shows to others, on a log
// of its own.
package authserver
