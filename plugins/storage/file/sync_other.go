//go:build !linux

package file

import "github.com/cockroachdb/pebble/v2/vfs"

func (c *files) canSyncAll() bool { return false }

func (c *files) syncAll() error { return nil }

func openLimit() int { return minOpenFiles }

func uncache(vfs.File) {}
