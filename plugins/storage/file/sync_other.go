//go:build !linux

package file

func (c *files) canSyncAll() bool { return false }

func (c *files) syncAll() error { return nil }

func openLimit() int { return minOpenFiles }
