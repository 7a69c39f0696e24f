package dns

import "time"

// What a look-up may take.
const (
	maxUDP       = 1232      // bytes of an answer over UDP, which fit a packet on any path
	maxTCP       = 16 << 10  // bytes of an answer over TCP
	maxDropped   = 64        // datagrams that answer something else, for one query
	maxServers   = 3         // of the system's, as resolvers elsewhere have it
	maxAliases   = 8         // CNAMEs from one to the next
	maxRecords   = 64        // of one name and type
	maxAddresses = 16        // that a dial tries
	maxCached    = 1024      // answers kept
	maxAge       = time.Hour // that an answer is kept

	tries      = 2               // of each server
	tryTime    = 2 * time.Second // for one try
	headStart  = 250 * time.Millisecond
	maxAnchors = 64 << 10 // bytes of a file of anchors
)
