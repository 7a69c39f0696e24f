package file

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"strings"

	"github.com/atedb/atedb/sdk/chainname"
)

// List implements [storage.Store].
func (s *Store) List(ctx context.Context, after chainname.Name, limit int) ([]chainname.Name, error) {
	if err := s.begin(); err != nil {
		return nil, err
	}
	defer s.calls.RUnlock()
	tops, err := s.list(s.disk.PathJoin(s.options.Path, chainsFolder))
	if err != nil {
		return nil, err
	}
	// All names under one folder stand together when folders are compared
	// with the slash that follows them.
	slices.SortFunc(tops, func(a, b string) int { return strings.Compare(a+"/", b+"/") })
	var names []chainname.Name
	for _, top := range tops {
		if prefix := top + "/"; prefix < string(after) && !strings.HasPrefix(string(after), prefix) {
			continue
		}
		var below []chainname.Name
		err := s.walkTop(ctx, top, func(name chainname.Name, _ string) error {
			if name > after {
				below = append(below, name)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
		slices.Sort(below)
		if names = append(names, below...); len(names) >= limit {
			return names[:limit], nil
		}
	}
	return names, nil
}

// walk calls visit with each chain and its folder, in no order.
func (s *Store) walk(ctx context.Context, visit func(chainname.Name, string) error) error {
	tops, err := s.list(s.disk.PathJoin(s.options.Path, chainsFolder))
	if err != nil {
		return err
	}
	for _, top := range tops {
		if err := s.walkTop(ctx, top, visit); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) walkTop(ctx context.Context, top string, visit func(chainname.Name, string) error) error {
	seconds, err := s.list(s.disk.PathJoin(s.options.Path, chainsFolder, top))
	if err != nil {
		return err
	}
	for _, second := range seconds {
		if err := gaveUp(ctx); err != nil {
			return err
		}
		if err := s.visit(top+"/"+second, visit); err != nil {
			return err
		}
		thirds, err := s.list(s.disk.PathJoin(s.options.Path, chainsFolder, top, second))
		if err != nil {
			return err
		}
		for _, third := range thirds {
			if err := s.visit(top+"/"+second+"/"+third, visit); err != nil {
				return err
			}
		}
	}
	return nil
}

// visit calls visit if there is a chain of this name.
func (s *Store) visit(text string, visit func(chainname.Name, string) error) error {
	name, err := chainname.Parse(text)
	if err != nil {
		return nil // a folder on the way to others, or not one of ours
	}
	dir := s.folders.chain(name)
	if _, err := s.disk.Stat(s.disk.PathJoin(dir, manifestName)); err != nil {
		return nil
	}
	return visit(name, dir)
}

// list returns what may be parts of chains' names in a folder.
func (s *Store) list(dir string) ([]string, error) {
	entries, err := s.disk.List(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil // removed this moment
	}
	if err != nil {
		return nil, ioFault(err, "listing "+dir)
	}
	return slices.DeleteFunc(entries, func(entry string) bool { return entry[0] >= 'A' && entry[0] <= 'Z' }), nil
}
