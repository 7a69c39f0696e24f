// Package group is people who share chains: who they are, what they may do, and
// how they come by the keys for it, through a server that cannot use them.
//
// A group has four roles, each with a key: owners, delegates and contributors a
// signing key, observers a read key. A role holds its own key and those of all
// roles below it. What each may do to the group:
//
//	              changes who is an     writes roots    writes where an    reads
//	              owner    delegate     of chains       authority names
//	              or del.  other                        contributors
//	owner         yes      yes          yes             yes                yes
//	delegate      no       yes          yes             yes                yes
//	contributor   no       no           no              yes                yes
//	observer      no       no           no              no                 yes
//
// All messages are those of accountpb in canonical form, as in package account;
// so are the other conventions, and what it is to seal.
//
// # Statements
//
// A statement is public: a GroupStatement, signed for keys.ForGroup. It names
// the newest key of each role, with its generation, and the SHA-256 of the
// roster. The first has number 0 and generations 1. Each next one has the next
// number and the hash of the one before. A role's key stays, with its
// generation, or a new one has the next generation; where a role has a new key,
// all roles below have one.
//
// A statement is signed by the owners' key of the statement before, or by its
// delegates' key if the keys of owners and delegates stay; if the signer's key
// is new, also by the new one; and by no other. The first is signed by its
// owners' key. So each is signed by a key that it names, and who knows one
// statement of a group can check all that follow, one by one.
//
// # Roster
//
// A roster is for members: 1 to 1,000 of them in order of name, at least one an
// owner. A member's keys are a RoleKeychain of the newest seed of his role,
// sealed to his read key with HPKE (RFC 9180, base mode, KEM 0x647a, KDF 0x0001,
// AEAD 0x0002, no associated data) and as info
//
//	"ate group key v1" 00 ‖ role ‖ u32 generation ‖ u8 length of the group's name ‖ group ‖ user
//
// For each role the roster has two RoleKeychains that are sealed with
// HKDF-SHA256(seed, no salt, "ate group keychain key v1"), 32 bytes, where seed is
// the role's newest:
//
//	older    the role's seeds before, the oldest first, at most 63; empty if there are none
//	         associated data: "ate group older keys v1" 00 ‖ role ‖ u32 generation ‖ group
//	below    the newest seed of the role below; empty for observers
//	         associated data: "ate group key below v1" 00 ‖ role ‖ u32 generation ‖ group
//
// The generation is that of the role whose seed seals. So one seed opens all that
// a role holds, and delegates can change what is below them without touching
// anything that is sealed to owners or other delegates.
//
// # Changes
//
// Only the signer of a statement's key may have changed what differs from the
// roster before: the entries of owners and delegates change with the owners' key
// alone. Where a member leaves, or gets a lower role, his role and all below it
// have new keys, and so every member of these roles has new sealed keys. What a
// role can open is sealed anew where its key, or for below that of the role
// below, is new, and nowhere else.
//
// A delegate may give others a contributors' key that is not the one in the
// statement, which nobody else can tell before he opens it. An owner who finds
// that still has his own keys and the delegates', and removes the delegate. A
// server cannot do such a thing, for it cannot sign.
//
// The example of [Create] shows a group from its beginning.
package group
