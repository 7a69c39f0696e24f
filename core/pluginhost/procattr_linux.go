package pluginhost

import "syscall"

// processAttributes give the process a group of its own, so that a terminal's
// signals reach the daemon alone, and have the kernel kill it when the thread
// that started it ends.
func processAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
