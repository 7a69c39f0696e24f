package keys_test

import (
	"fmt"

	"github.com/atedb/atedb/sdk/keys"
)

// ExamplePublicKey is the worked example of the formats.
func ExamplePublicKey() {
	signing, _ := keys.SigningKeyFromSeed(make([]byte, keys.SigningSeedSize))
	read, _ := keys.ReadKeyFromSeed(make([]byte, keys.ReadSeedSize))
	for _, encoded := range [][]byte{signing.Public().Bytes(), read.Public().Bytes()} {
		fmt.Printf("%x algorithm, %x…%x %d bytes\n", encoded[:1], encoded[1:9], encoded[len(encoded)-8:], len(encoded))
	}
	fmt.Println(signing.Public().ID())
	fmt.Println(signing.Public())
	fmt.Println(signing.Public().Text()[:40] + "…")
	fmt.Println(read.Public())
	fmt.Println(read.Public().Text()[:40] + "…")
	fmt.Println(signing, read)
	// Output:
	// 01 algorithm, 424b2f267e58d5b3…3ac048a18b59da29 1985 bytes
	// 02 algorithm, 3d209f716752f640…e194e3c102823062 1217 bytes
	// 8f097302373c11a1ecb7a9963fa93b8406d36228cf6817702a92b8a15bcaa279
	// atekey13uyhxq3h8sg6rm9h4xtrl2fmssrdxc3gea5pwup2j2u2zk725fus0la2zn
	// ate-sign-v1:AUJLLyZ-WNWztE1xrPxqZWuyaVDV…
	// atekey1z8cfcvega4l6h9d6stdau44dd5fnr2sk48vt8e7endpesmql23aqusfkvm
	// ate-read-v1:Aj0gn3FnUvZAjn-JvO75esOIUwBF…
	// [secret] [secret]
}
