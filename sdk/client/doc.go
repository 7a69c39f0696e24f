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
// A client ends when it is closed, or when connecting again cannot help: the
// server says that it may not open the chain, or the chain at that URL is
// another one than before. Every call then fails with the reason.
//
// Errors are [fault.Error]s with the server's code, or the error of a context.
// [fault.CodeOf] tells them apart.
package client
