// Package logging is the log of our servers: text for people, JSON for programs.
package logging

import (
	"os"

	"github.com/hashicorp/go-hclog"
	"github.com/mattn/go-isatty"

	"github.com/atedb/atedb/core/config"
)

// New returns the logger of a program.
func New(program string, cfg config.Log, out *os.File) hclog.Logger {
	colour := hclog.AutoColor
	if os.Getenv("NO_COLOR") != "" {
		colour = hclog.ColorOff
	}
	return hclog.New(&hclog.LoggerOptions{
		Name:       program,
		Level:      hclog.LevelFromString(cfg.Level),
		Output:     out,
		JSONFormat: cfg.Format == "json" || (cfg.Format == "auto" && !isatty.IsTerminal(out.Fd())),
		Color:      colour,
	})
}
