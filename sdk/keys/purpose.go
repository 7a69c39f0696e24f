package keys

// Purpose is the context that a signature is made in; one for each use, so
// none can be passed off as another. It has 1 to 255 bytes.
type Purpose string

// The purposes.
const (
	ForProof      Purpose = "ate-proof-v1"      // a connection's proof of owning a key
	ForSeal       Purpose = "ate-seal-v1"       // the seal of a batch
	ForCheckpoint Purpose = "ate-checkpoint-v1" // a server's checkpoint of a chain
	ForAdvert     Purpose = "ate-advert-v1"     // a user's keys, by these and by those before
	ForGroup      Purpose = "ate-group-v1"      // a group's roles, by its owners or delegates
	ForDelegation Purpose = "ate-delegation-v1" // a key that may act for the signer
	ForLogin      Purpose = "ate-login-v1"      // a connection's login to an authentication server
)

const maxPurpose = 255

func (p Purpose) valid() bool { return len(p) >= 1 && len(p) <= maxPurpose }
