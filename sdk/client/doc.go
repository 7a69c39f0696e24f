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
// # Compaction
//
// The server drops events that others supersede. Whoever reads a chain from its
// first event on, however slowly, and applies each event as it comes, ends with
// exactly the objects that live: each object's newest event stays, and so does a
// tombstone for as long as something before it does, and until all subscriptions
// that are open have it. That holds across lost connections, too, unless the client
// was away for long: tombstones go when a time is over that the server's operator
// states, a week unless he does. Then a copy may hold objects that have ended.
//
// [SubscribeOptions.OnCompacted] is told when events are missing from where the
// subscription goes on, and with Forgotten when tombstones are among them. An
// application that keeps a copy then forgets it and reads all that lives again,
// which [SubscribeOptions.Restart] begins by itself. One that went on from a seq
// that it had kept, such as [ExampleSubscribeOptions], does so whether it was away
// for a minute or a year. Without Restart the subscription goes on: that is for
// who wants the events, as a log shows them, and not what they add up to.
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
