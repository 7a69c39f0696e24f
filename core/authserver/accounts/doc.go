// Package accounts is the authentication server's accounts. They are objects
// in one chain, [ChainName], so that they are durable and so that whoever asks
// can be proved what he is told.
//
// # Chain
//
// The chain's mode of trust is centralized, and its root key is the signing key
// of the server's identity: the server alone writes it. One request of a client
// is at most one commit, so what it changes is changed together or not at all.
//
// # Objects
//
// Name is a user's name@domain or a group's name, and H is the hexadecimal
// SHA-256 of it.
//
//	key              type             data
//	"user/" H        "ate-advert-v1"  the user's newest advert, signed
//	"user/" H "/" N  "ate-advert-v1"  the user's advert with the number N, in decimal, which was the newest once
//	"group/" H       "ate-group-v1"   the group's newest statement, signed
//	"group/" H "/" N "ate-group-v1"   the group's statement with the number N, which was the newest once
//	"vault/" H   "ate-vault-v1"       private: the user's vault
//	"roster/" H  "ate-roster-v1"      private: the group's roster
//	"tokens/" H  "ate-tokens-v1"      private: the user's registered tokens
//	"groups/" H  "ate-membership-v1"  private: the groups that the user is in
//
// The signed ones are encoded account.Signed messages, as their owner sent them,
// and are shown to everybody. Who knows an earlier one needs those in between to
// see that the newest continues it, so they are kept for ever: whatever takes a
// statement's place is in one commit with an object of its own for that
// statement. Accounts from before that was so lack what was replaced until then.
// The private ones never leave the server in an
// event. Since the hashes of events are in the proofs that everybody may have,
// each has random bytes, so that nobody can find out by guessing what is in it:
//
//	offset  size  field
//	     0     1  version, 1
//	     1    16  random
//	    17     N  body
//
// Integers in the bodies are little-endian:
//
//	vault        8  when the user was created, milliseconds since 1970
//	             8  step of the newest time-based code that was used, 0 for none
//	                encoded accountpb.Vault
//	roster          encoded accountpb.Roster
//	tokens          encoded authserverpb.Tokens
//	membership   4  number of groups that the user created
//	                names of groups, each followed by a line feed
//
// A record of another version is a not_supported fault.
//
// # The decoy
//
// The objects of the empty name, which no user has, are a user's with keys that
// nobody knows. What is asked about users who do not exist is answered by
// looking at them, which takes the same time.
package accounts
