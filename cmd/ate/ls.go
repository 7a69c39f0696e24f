package main

import (
	"bufio"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/atedb/atedb/sdk/secrecy"
)

// timeFormat is RFC 3339 with microseconds, as the server keeps.
const timeFormat = "2006-01-02T15:04:05.000000Z07:00"

func newLs(set *settings) *cobra.Command {
	var long, all bool
	cmd := &cobra.Command{
		Use:   "ls URL",
		Short: "List the keys of live objects, one a line",
		Long:  "Ls lists the keys of live objects, one a line and sorted. A key that is not printable stands in quotes.\nRecords of data keys are left out without --all.\nWith --long, the columns are seq, size, time and key, parted by tabs.",
		Args:  chainArgs(0, 0),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := set.dial(cmd, args[0], false)
			if err != nil {
				return err
			}
			defer s.Close()
			live, err := liveObjects(s)
			if err != nil {
				return err
			}
			out := bufio.NewWriter(cmd.OutOrStdout())
			for _, key := range slices.Sorted(maps.Keys(live)) {
				if !all && strings.HasPrefix(key, secrecy.RecordPrefix) {
					continue
				}
				o := live[key]
				if long {
					fmt.Fprintf(out, "%d\t%d\t%s\t", o.seq, o.size, formatTime(o.time))
				}
				fmt.Fprintln(out, printable(key))
			}
			return out.Flush()
		},
	}
	cmd.Flags().BoolVarP(&all, "all", "a", false, "list the records of data keys too")
	cmd.Flags().BoolVarP(&long, "long", "l", false, "print seq, size, time and key")
	return cmd
}

func formatTime(t time.Time) string { return t.UTC().Format(timeFormat) }

// printable returns text that does a terminal no harm and keeps to its line:
// as it is, or in quotes if it has other than printable characters or begins
// with a quote.
func printable(s string) string {
	if !utf8.ValidString(s) || s != "" && s[0] == '"' {
		return strconv.Quote(s)
	}
	for _, r := range s {
		if !unicode.IsPrint(r) {
			return strconv.Quote(s)
		}
	}
	return s
}
