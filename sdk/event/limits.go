package event

// Limits that every writer keeps and every reader checks before it takes memory.
const (
	MaxKey         = 128        // bytes of an object's key
	MaxHeader      = 64 << 10   // bytes of an encoded header
	MaxData        = 16<<20 - 1 // bytes of an event's data; its length fits 24 bits
	MaxBatchEvents = 10_000     // events in a batch
	MaxEvidence    = 64 << 10   // bytes of a batch's evidence
	MaxIntroduced  = 16         // public keys that one event introduces
	MaxPublicKey   = 4 << 10    // bytes of an encoded public key
	MaxWriters     = 64         // keys of one write authority
	// MaxBatch is the largest encoded batch, in bytes: an event of the
	// largest size fits with its header and evidence.
	MaxBatch = MaxData + 1<<20
	// MaxRecord is the largest encoded record, in bytes.
	MaxRecord = RecordHeader + MaxBatch
)
