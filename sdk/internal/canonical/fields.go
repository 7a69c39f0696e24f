package canonical

import (
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
)

// maxMillis is the end of the year 9999, the last that has a text.
const maxMillis = 253402300799999

// Previous returns the hash by which a numbered statement names the one before:
// none if its number is 0.
func Previous(number uint64, b []byte) (event.Hash, error) {
	switch {
	case number == 0 && len(b) == 0:
		return event.Hash{}, nil
	case number == 0:
		return event.Hash{}, fault.New(fault.BadRequest, "it has number 0, and yet names one before it")
	case len(b) != len(event.Hash{}):
		return event.Hash{}, fault.New(fault.BadRequest, "it names the one before it with %d bytes; %d are needed", len(b), len(event.Hash{}))
	}
	return event.Hash(b), nil
}

// Time returns the time of a statement in milliseconds since 1970.
func Time(millis int64) (time.Time, error) {
	if millis < 0 || millis > maxMillis {
		return time.Time{}, fault.New(fault.BadRequest, "its time, %d milliseconds since 1970, is out of range", millis)
	}
	return time.UnixMilli(millis).UTC(), nil
}

// CheckFields refuses a message of more than the most fields, of which a
// repeated one counts as often as it is there. It takes no memory.
func CheckFields(b []byte, most int) error {
	for n := 0; len(b) > 0; n++ {
		if n == most {
			return fault.New(fault.TooLarge, "it has more than %d parts", most)
		}
		_, _, size := protowire.ConsumeField(b)
		if size < 0 {
			return protowire.ParseError(size)
		}
		b = b[size:]
	}
	return nil
}
