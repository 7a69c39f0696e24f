// Package ate is the auth plugin that asks an authentication server: package
// authserver of the sdk has its protocol.
package ate
