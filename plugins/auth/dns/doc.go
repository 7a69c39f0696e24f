// Package dns is the auth plugin that finds the owners of chains in TXT records
// of their domains, which DNSSEC proves.
//
// # Records
//
// The users of example.com, and the groups that the operator of the server says
// are of example.com, have records at _atedb.example.com, one for each key:
//
//	v=ate1; user=joe; key=atekey13uyhxq3h8sg6rm9h4xtrl2fmssrdxc3gea5pwup2j2u2zk725fus0la2zn
//	v=ate1; user=*; key=atekey1…
//	v=ate1; group=engineers; key=atekey1…
//
// A record is at most 512 bytes of printable ASCII: fields that ";" separates, of a
// name, "=" and a value, with any number of spaces around each field.
//
//	v      the version, ate1; it is the first field
//	user   the name before the @, or * for everybody of the domain whom no record names
//	group  a group's name
//	key    the id of a signing key, as package keys writes it
//
// There is a key, and a user or a group, each once; there are no other fields. A
// user or group may have up to 64 keys. What begins otherwise than with v=ate and
// a number is somebody else's record and passed over; what begins with v=ate1 and
// does not go on like this is passed over too, with a line in the log. If there
// is a record of another version, everything is denied: what it says may take
// away what the others give.
//
// # What is believed
//
// With require_dnssec, as it is by default, nothing but what DNSSEC proves from
// the root's keys on. It cannot prove that a record is not there, so where there
// is none the plugin says that it cannot tell, and does not deny.
package dns
