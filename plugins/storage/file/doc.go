// Package file is a store that keeps chains on disk.
//
// # The way of a record
//
// Append writes what it is given to the journal, which all chains share, with
// one write and one sync, on the caller's goroutine. The records are then in
// their chains' tails, in memory, where readers see them. A goroutine of the
// store moves tails to their chains' files with large writes and without
// syncing. Only when a file of the journal is to be used again are the chains'
// files synced, so that whatever they lack is in the journal. Recovery reads
// the journal into the tails; from there everything goes the same way.
//
// # Files
//
// All integers are little-endian; checksums are CRC-32C. Every kind of file
// begins with a magic of 8 bytes and a version of 4, which is 1; a file with a
// later version is refused. Folders have permissions 0700 and files 0600.
//
//	LOCK                       locked while a process uses the folder; empty
//	FORMAT                     says that this is a store
//	journal/JOURNAL-000001     a file of the journal; there are up to journal_segments_max
//	db/<name>/                 a chain's folder, after its name; another chain's may be inside
//	db/<name>/CHAIN            which segments the chain has
//	db/<name>/SEGMENT-<number> records; numbers are not used again
//	db/<name>/BLOB-<name>      a side blob
//	db/<name>/SALVAGE          records that could not be put into a damaged chain
//	….NEW                      a file that is being written; removed when it is found
//
// FORMAT:
//
//	offset  size  field
//	     0     8  "AteStore"
//	     8     4  version
//	    12     8  id of the store, random
//	    20     4  checksum of the above
//
// # Journal
//
// A journal file is written to its end with zeros before its first use and
// never changes its size. It is used in turn with the others. Its first block
// of 4096 bytes is the header:
//
//	 0     8  "AteJourn"
//	 8     4  version
//	12     4  state: 1 live, 2 free
//	16     8  id of the store
//	24     8  live: number of the first round in it; free: a round that the journal had reached
//	32     8  size of the file
//	40     4  checksum of the above
//
// Rounds follow, each from the beginning of a block, so that writing one never
// touches the block of another. They are numbered from 1, without a gap, across
// all files. What follows a file's last round is zero or of an earlier use,
// and told by its lower number. A round is whole or counts for nothing:
//
//	 0     8  id of the store, which no client knows and so cannot forge in its data
//	 8     8  number of the round
//	16     4  length of the round with this header, without what fills its last block
//	20     4  number of entries
//	24     4  checksum of each entry's header and name, and of its records' headers in between
//	28     4  checksum of the above
//
// A record's header holds the checksum of its batch, so the round's checksum
// covers all of it. Each entry is one chain's records:
//
//	   0     8  id of the chain
//	   8     4  length of the records, R
//	  12     4  length of the chain's name, N
//	  16     N  name
//	16+N     R  records, as package event describes them and as they came
//
// # Chain
//
// CHAIN is written anew beside the old one and renamed over it; that is how a
// segment is closed and how a drop takes effect:
//
//	    0     8  "AteChain"
//	    8     4  version
//	   12     4  number of closed segments, S
//	   16     8  id of the chain, random: a chain of the same name, made after this one was removed, has another
//	   24     8  number of the active segment
//	   32     8  seq at which the active segment begins
//	   40  40×S  closed segments in order: number, first seq, seq after the last, number of events,
//	             bytes of header and records, 8 each
//	40+40S    4  checksum of the above
//
// A segment is a header and records, in order of seq. Of the closed ones
// nothing changes any more. Everything before the active segment's first seq
// is durable without the journal.
//
//	 0     8  "AteSegmt"
//	 8     4  version
//	12     8  id of the chain
//	20     8  number of the segment
//	28     8  seq of its first record
//	36     4  checksum of the above
//	40        records
//
// Behind the records of a closed segment stands the index by which readers
// find a seq. If it is damaged or missing it is made anew from the records:
//
//	 0     8  "AteIndex"
//	 8     4  version
//	12     4  number of entries, E
//	16     4  checksum of the 16 bytes above and of what follows
//	20  16×E  first seq of a record and its offset, 8 each, for about every 32 KiB
//
// A blob:
//
//	 0     8  "AteBlob\x00"
//	 8     4  version
//	12     4  checksum of the data
//	16        data
//
// SALVAGE is nothing but records.
//
// # Recovery
//
// The live files of the journal are read in the order of their first rounds.
// Where the next round is not found whole, the journal ends: the last round was
// torn, has never been acknowledged, and is reported in the log. But if a later
// round is there, something that was acknowledged is damaged, and the store
// does not open.
//
// An entry goes to the chain of its name if the id is the same; otherwise that
// chain has been removed. Records before the active segment are passed over.
// The others are written to the place in the segment where they belong,
// whatever is there, since what a crash left there is part of the same. A chain
// whose files are damaged before that place is refused, and what the journal
// has of it is kept in its folder as SALVAGE. When the damaged file has been
// restored, opening the chain appends what is in SALVAGE.
//
// # Order of changes
//
// Each step is durable before the next:
//
//   - Making a chain: its folder; the first segment, and the folder's entry in
//     the one above; CHAIN. Without CHAIN there is no chain.
//   - Closing a segment: the segment; an empty one to follow; CHAIN. The footer
//     comes last and is not waited for.
//   - A drop: the tail in the active segment, and that closed, if the set
//     touches it; the segments that the set touches, written anew under new
//     numbers; CHAIN. Then the old ones are removed. Segments that CHAIN does
//     not name are removed when the chain is next opened.
//   - An erasure: as a drop; what CHAIN does not name is removed at once; the
//     journal is emptied, and what lies behind its rounds is overwritten with zeros.
//   - Removing a chain: CHAIN is removed; then the rest.
//   - Using a journal file again: the chains' files synced; the file marked
//     free. It becomes live with its first round.
//
// # Failures
//
// A failed sync leaves in doubt what is stored, and so does a file that could not
// be put in the place of another. After one nothing is synced, appended, renamed or
// freed until a new process has read back what is there; reads go on. A full disk
// is no such failure: what cannot be moved out of the journal stays there and in
// memory, and once there is no room left, appends are refused until a later attempt
// succeeds.
//
// What a process finds is not durable for that: the one before may have ended, or
// failed, between a change and its sync. So before anything rests on it, it is made
// so: the folders down to a new store, when that is opened; the journal's folder,
// that free files of it are free, and that a chain is gone whose records it has, at
// the start; that an empty chain is there, when it is opened; what CHAIN says, before
// files that it does not name are removed, and before the journal lets go of records
// that were written to the chain since.
package file
