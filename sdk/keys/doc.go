// Package keys is what owns and opens things: signing keys, and read keys.
package keys
