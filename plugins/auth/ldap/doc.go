// Package ldap is the auth plugin that finds the owners of chains in a directory
// that speaks LDAP version 3 (RFC 4511): OpenLDAP, 389 Directory Server, Active
// Directory and others.
//
// # Users
//
// The entry of joe@example.com is the one under user_base that user_filter
// finds. In the filter, {owner} stands for joe@example.com, {name} for joe and
// {domain} for example.com, each escaped as RFC 4515 has it. With the default
// filter and a base of ou=people,dc=example,dc=com, the directory is asked:
//
//	base    ou=people,dc=example,dc=com, and all under it
//	filter  (mail=joe@example.com)
//	limit   2 entries, aliases not followed
//
// One entry answers. None is a denial, and so are two: nobody could say whose
// the chain would be.
//
// # Groups
//
// The entry of a group is found under group_base in the same way; in
// group_filter, {group} stands for its name. Each value of the attribute
// group_members is the DN of a member, whose entry must pass member_filter. All
// of the members' keys may write the roots of the group's chains. A group in the
// group is no member of it, since it has no keys.
//
// # Keys
//
// Every value of key_attribute that begins with one of these is a key, as package
// keys writes it:
//
//	ate-identity-v1:…   a public identity, of which the signing key counts
//	ate-sign-v1:…       a signing key
//	atekey1…            the id of a signing key
//
// Others are left alone: the attribute may have another use as well. A value
// that begins like a key and is none gives no right; if there is no good key
// beside it, the denial says so.
//
// # What a directory may do
//
// It is believed in who its users and members are, and in nothing else. An entry
// that is not under the base that was asked about, a message larger than
// [MaxReply], more of them than that for one question, and whatever the protocol
// does not foresee end the connection, and the question with an unavailable
// fault. Referrals are not followed: they would name other servers, which may
// not have the password.
package ldap
