package storagetest

import (
	"bytes"
	"strings"

	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/storage"
)

func testBlobs(s *suite) {
	c := s.open("g/a")
	_, err := c.GetBlob(s.ctx, "a")
	s.expectCode(err, fault.NotFound, "getting a blob that is not there")
	large := bytes.Repeat([]byte("large"), storage.MaxBlob/5)
	longest := strings.Repeat("x", storage.MaxBlobName)
	contents := map[string][]byte{"a": []byte("1"), "tiles-0.1": []byte("2"), longest: []byte("3"), "large": large}
	for name, data := range contents {
		if err := c.PutBlob(s.ctx, name, []byte("what was there before")); err != nil {
			s.Fatal(err)
		}
		if err := c.PutBlob(s.ctx, name, data); err != nil {
			s.Fatal(err)
		}
	}
	check := func() {
		s.Helper()
		for name, data := range contents {
			if got, err := c.GetBlob(s.ctx, name); err != nil || !bytes.Equal(got, data) {
				s.Fatalf("blob %q: %d bytes, %v", name, len(got), err)
			}
		}
	}
	check()
	c = s.again(c, "g/a")
	check()
	for range 2 { // removing what is not there changes nothing
		if err := c.PutBlob(s.ctx, "a", nil); err != nil {
			s.Fatal(err)
		}
	}
	delete(contents, "a")
	c = s.again(c, "g/a")
	check()
	_, err = c.GetBlob(s.ctx, "a")
	s.expectCode(err, fault.NotFound, "getting a blob that was removed")
	for _, name := range []string{"", "A", "a/b", "../a", ".a", "a.", "-a", "a_b", "a\x00", longest + "x", "ä"} {
		s.expectCode(c.PutBlob(s.ctx, name, []byte("x")), fault.BadRequest, "putting a blob called "+name)
		_, err := c.GetBlob(s.ctx, name)
		s.expectCode(err, fault.BadRequest, "getting a blob called "+name)
	}
	s.expectCode(c.PutBlob(s.ctx, "too-large", make([]byte, storage.MaxBlob+1)), fault.TooLarge, "putting too large a blob")
}
