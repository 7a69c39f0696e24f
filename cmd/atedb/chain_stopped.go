package main

import (
	"context"
	"io"

	"github.com/atedb/atedb/cmd/internal/usage"
	"github.com/atedb/atedb/core/chain"
	"github.com/atedb/atedb/core/config"
	"github.com/atedb/atedb/core/control"
	"github.com/atedb/atedb/core/server"
	"github.com/atedb/atedb/plugins/storage/file"
	"github.com/atedb/atedb/sdk/chainname"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
)

// stopped is the chains in the folder of a server that does not run. Nothing in
// it is changed.
type stopped struct {
	path   string
	folder *file.Folder
	stderr io.Writer

	log   *lookedLog // of the chain that was looked at last
	chain *chain.Chain
}

var _ control.Chains = (*stopped)(nil)

func openStopped(cfg *config.Config, stderr io.Writer) (*stopped, error) {
	path, err := folderOf(cfg)
	if err != nil {
		return nil, err
	}
	folder, err := file.OpenFolder(path, nil)
	if err != nil {
		return nil, err
	}
	if err := folder.Hold(); err != nil {
		return nil, err
	}
	return &stopped{path: path, folder: folder, stderr: stderr}, nil
}

func (s *stopped) close() {
	if s.log != nil {
		s.log.Close()
	}
	_ = s.folder.Close() // it was only read
}

// List implements control.Chains.
func (s *stopped) List(ctx context.Context, prefix string, after chainname.Name, limit int) (control.Page, error) {
	names, err := s.folder.List(ctx, after, limit)
	if err != nil {
		return control.Page{}, err
	}
	return control.PageOf(names, limit, prefix, func(name chainname.Name) control.Listed { return control.Listed{Name: name} }), nil
}

// open looks at a chain.
func (s *stopped) open(ctx context.Context, name chainname.Name) error {
	if s.chain != nil && s.chain.Name() == name {
		return nil
	}
	looked, err := s.folder.Open(ctx, name)
	if err != nil {
		return err
	}
	log := &lookedLog{FolderChain: looked, made: make(map[string][]byte)}
	trust, err := log.trust(ctx)
	if err == nil {
		s.chain, err = chain.Open(ctx, name, chain.Options{Log: log, Trust: trust, OnProblem: func(err error) { usage.Report(s.stderr, "atedb", err) }})
	}
	if err != nil {
		looked.Close()
		return err
	}
	s.log = log
	return nil
}

// Inspect implements control.Chains.
func (s *stopped) Inspect(ctx context.Context, name chainname.Name) (control.Chain, error) {
	if err := s.open(ctx, name); err != nil {
		return control.Chain{}, err
	}
	d := server.Describe(s.chain, s.log.State())
	d.Open = false
	return d, nil
}

// Compact implements control.Chains.
func (s *stopped) Compact(context.Context, chainname.Name, func(control.Progress)) (control.Compacted, error) {
	return control.Compacted{}, fault.New(fault.Unavailable, "a chain is compacted by its server, which does not run; start it and try again")
}

// Read implements control.Chains.
func (s *stopped) Read(ctx context.Context, name chainname.Name, from event.Seq, maxBytes int) ([]byte, error) {
	if err := s.open(ctx, name); err != nil {
		return nil, err
	}
	return s.log.Read(ctx, nil, from, maxBytes, false)
}

// Leaves implements control.Chains.
func (s *stopped) Leaves(ctx context.Context, name chainname.Name, from event.Seq, count int) ([]event.Hash, error) {
	if err := s.open(ctx, name); err != nil {
		return nil, err
	}
	return s.chain.Leaves(ctx, from, count)
}
