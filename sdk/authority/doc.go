// Package authority decides who may write what in one chain. The server judges
// commits with it, and clients that trust no server judge again.
package authority
