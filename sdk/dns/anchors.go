package dns

import (
	"io"
	"os"
	"path/filepath"

	wire "github.com/miekg/dns"

	"github.com/atedb/atedb/sdk/dns/dnssec"
	"github.com/atedb/atedb/sdk/fault"
)

// loadAnchors reads a file of trust anchors; without a path, the root's own.
func loadAnchors(path string) ([]*wire.DS, error) {
	if path == "" {
		return dnssec.RootAnchors(), nil
	}
	if !filepath.IsAbs(path) {
		return nil, fault.New(fault.BadConfig, "the file of trust anchors is %q; write its absolute path", path)
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, fault.New(fault.BadConfig, "reading the trust anchors: %w", err)
	}
	defer func() { _ = file.Close() }()
	text, err := io.ReadAll(io.LimitReader(file, maxAnchors+1))
	if err != nil {
		return nil, fault.New(fault.BadConfig, "reading the trust anchors: %w", err)
	}
	if len(text) > maxAnchors {
		return nil, fault.New(fault.BadConfig, "the file of trust anchors %s has more than %d bytes", path, maxAnchors)
	}
	return dnssec.ParseAnchors(string(text), path)
}
