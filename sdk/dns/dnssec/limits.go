package dnssec

import "time"

// What one look-up may cost. The four that count signatures and keys are the
// answer to KeyTrap (CVE-2023-50387), in which a small message makes a validator
// check thousands of signatures.
const (
	maxKeysTried  = 4  // keys that have the tag which a signature names
	maxSignatures = 16 // of one record set; more is an error
	maxSetChecks  = 16 // signatures checked for one record set
	maxChecks     = 64 // signatures checked for one look-up, its whole chain
	maxDepth      = 16 // zones from the root to the record

	maxRecords = 64        // of one record set
	maxAnswer  = 256       // records of any kind in an answer
	maxAnchors = 16        // trust anchors
	maxZones   = 512       // zones whose keys are kept
	maxAge     = time.Hour // that the keys of a zone are kept

	minKeyBits      = 1024 // of an RSA key
	minEntryKeyBits = 2048 // of an RSA key that a DS record or an anchor names
)
