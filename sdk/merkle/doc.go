// Package merkle keeps a chain's events in a Merkle tree, so that a chain's
// state has a short name and whoever holds that name can be shown that an
// event is in it, and that a later state continues it.
//
// # Tree
//
// The tree is that of RFC 6962, section 2.1. Its leaves are the events' leaf
// hashes ([event.LeafHash], which is RFC 6962's leaf hash) in order of seq,
// those of dropped events included, so that compaction changes no root:
//
//	MTH({})     = SHA-256()
//	MTH({d0})   = d0, which is a leaf hash already
//	MTH(D[0:n]) = SHA-256(0x01 ‖ MTH(D[0:k]) ‖ MTH(D[k:n])),  k the largest power of two < n
//
// A [Head] is a size and the root of the tree of that size. Proofs are RFC
// 6962's: the audit path of section 2.1.1 and the consistency proof of section
// 2.1.2, deepest hash first. golang.org/x/mod/sumdb/tlog computes and checks
// them.
//
// For example, with three leaves of 32 bytes each, all 0x00, all 0x01 and all
// 0x02:
//
//	head of size 2   2:2ad82c3a51e8ed6418cb5bf267c5f9e521b99f7ab4fce657f460a8f1a3e87b2e
//	head of size 3   3:61385e67b5ba76d8531b20adc14bec9ef6e0553abcc56d899e640d4d67401429
//
// In the head of size 3, the leaf at 0 is proved by the two hashes 0x01... and
// 0x02..., the leaf at 2 by the root of size 2; that the head of size 3 continues
// that of size 2 is proved by 0x02... alone.
//
// # Bundles
//
// Leaf hashes are stored in bundles of [BundleSize], one after the other and 32
// bytes each, without a header; bundle n begins with leaf n*BundleSize. Only
// full bundles are stored, and they never change. A reader knows each one's
// root and checks it. A bundle is 16 tiles of height 8 in level 0 of the tlog.
//
// # State
//
// [Tree.AppendState] writes what is needed to go on with a tree whose bundles
// are stored. Integers are little-endian.
//
//	offset  size  field
//	     0     1  version, 1
//	     1     8  number of stored bundles, B
//	     9     4  number of leaves after them, L
//	    13    32  root of the tree of B*BundleSize + L leaves
//	    45  32*B  roots of the stored bundles
//	       32*L  leaves after them
//
// Nothing follows. A later version has another first byte.
package merkle
