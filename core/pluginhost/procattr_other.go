//go:build !linux

package pluginhost

import "syscall"

// processAttributes give the process a group of its own, so that a terminal's
// signals reach the daemon alone. That the daemon has died it must find out by
// itself here.
func processAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}
