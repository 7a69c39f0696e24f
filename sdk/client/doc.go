// Package client opens a chain on an AteDB server: it commits events, follows
// the log, loads single events, and locks objects.
//
// A [Client] keeps one connection, and replaces it by itself whenever it is
// lost, for as long as it takes. Nothing is lost or repeated by that:
//
//   - Commits without an answer are sent again, in their order and with the id
//     that they had, by which the server stores each of them once.
//   - A subscription goes on after the last event that it delivered, so it
//     delivers exactly the log, once and in order.
//   - Loads, and waits for locks, are asked for again.
//   - Locks that were held are lost with the connection: see [Lock.Lost].
//
// # Trust
//
// With [Options.Signer] a client proves its key, or seals its commits, as the
// chain's mode of trust asks. It decides whether the server is the right one
// before it says which chain it wants: by the URL's #fp=, by [Options.Hosts], or
// by [Options.OnUnknownServer]. With [Options.Heads] it holds the server to the
// newest head that it ever told. With [Options.Delegation] the signer is a token's
// key, and the client writes as the token's user.
//
// In a chain of distributed trust everything that [Client.Get],
// [Client.LoadKeys], [Client.LoadSeqs] and [Subscription.Next] return has been
// verified: the client follows the chain's headers on a second connection, from
// the first of these calls on, and checks every seal and its signer's authority.
// [Subscription.NextBatch] does not. In centralized trust events are what the
// server says.
//
// [Client.Encrypt], [Client.Decrypt] and [Client.Share] are for data that only
// some may read; committing and reading leave data as it is.
//
// # End
//
// A client ends when it is closed, or when connecting again cannot help: the
// server says that it may not open the chain, the chain at that URL is another
// one than before, its history was rewritten, or the server is not the one that
// was pinned. Every call then fails with the reason.
//
// Errors are [fault.Error]s with the server's code, or the error of a context.
// [fault.CodeOf] tells them apart.
package client
