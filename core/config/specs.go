package config

// PluginSpec is a plugin to start: its block and what is known of its program.
type PluginSpec struct {
	Kind   string
	Name   string
	Path   string // absolute, or "" to look in PluginDirs
	SHA256 string // hexadecimal, or "" for any
	Config []byte // a JSON object
}

// PluginSpecs returns the plugins that a daemon with these settings starts, in
// the order in which it should: storage, trust, auth, compaction.
func (c *Config) PluginSpecs() []PluginSpec {
	specs := []PluginSpec{c.spec(KindStorage, c.Storage), c.spec(KindTrust, c.Trust)}
	if c.Trust.Name != TrustDistributed { // which asks nobody who owns a chain
		for _, b := range c.Auth {
			specs = append(specs, c.spec(KindAuth, b))
		}
	}
	for _, b := range c.Compaction {
		specs = append(specs, c.spec(KindCompaction, b))
	}
	return specs
}

func (c *Config) spec(kind string, b Block) PluginSpec {
	spec := PluginSpec{Kind: kind, Name: b.Name, Config: b.Config}
	for _, p := range c.Plugins {
		if p.Kind == kind && p.Name == b.Name {
			spec.Path, spec.SHA256 = p.Path, p.SHA256
		}
	}
	return spec
}
