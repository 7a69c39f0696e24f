// Package usage is how our servers' command lines look and fail.
package usage

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/atedb/atedb/sdk/fault"
)

// Report writes each error of a joined one as a sentence that ends in its code,
// as that of every fault does.
func Report(w io.Writer, program string, err error) {
	for sentence := range strings.SplitSeq(err.Error(), "\n") {
		if !strings.HasSuffix(sentence, "]") {
			sentence += " [" + string(fault.CodeOf(err)) + "]"
		}
		fmt.Fprintf(w, "%s: %s\n", program, sentence)
	}
}

// SetTemplate has the help show a switch as --debug, not --debug[=true|false].
func SetTemplate(root *cobra.Command) {
	const values = "[=true|false]"
	cobra.AddTemplateFunc("plain", func(usages string) string {
		return strings.ReplaceAll(usages, values, strings.Repeat(" ", len(values)))
	})
	root.SetUsageTemplate(strings.ReplaceAll(root.UsageTemplate(), ".FlagUsages", ".FlagUsages | plain"))
}
