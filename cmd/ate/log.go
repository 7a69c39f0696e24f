package main

import (
	"bufio"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/atedb/atedb/sdk/client"
	"github.com/atedb/atedb/sdk/event"
)

func newLog(set *settings) *cobra.Command {
	var from uint64
	var follow, asJSON bool
	cmd := &cobra.Command{
		Use:   "log URL",
		Short: "Print the events of the log, one a line",
		Long: "Log prints the events of the log, one a line: seq, time, put or rm, size, key and type, parted by tabs.\n" +
			"With --json each line is an object with seq, time, commit, key (or key_base64), tombstone, type, labels, size,\n" +
			"and data, or data_base64 if that is not UTF-8.\n\n" +
			"Compaction drops events that later ones supersede. Where it has dropped some of those that are to be printed next, a line\n" +
			"on standard error says so, unless the log is printed from its beginning.",
		Args: chainArgs(0, 0),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := set.dial(cmd, args[0], false)
			if err != nil {
				return err
			}
			defer s.Close()
			sub, err := s.Subscribe(client.SubscribeOptions{
				From: event.Seq(from), Live: follow, OmitData: !asJSON,
				OnCompacted: func(c client.Compacted) { fmt.Fprintln(cmd.ErrOrStderr(), compactedLine(c)) },
			})
			if err != nil {
				return err
			}
			err = printLog(s, sub, cmd.OutOrStdout(), asJSON)
			if follow && cmd.Context().Err() != nil {
				return nil // how following ends
			}
			return err
		},
	}
	cmd.Flags().Uint64Var(&from, "from", 0, "the first seq to print")
	cmd.Flags().BoolVarP(&follow, "follow", "f", false, "go on with new events until interrupted")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON, with the data")
	return cmd
}

// printLog prints until the subscription ends, and never holds back a line
// while it waits for the next.
func printLog(s *session, sub *client.Subscription, w io.Writer, asJSON bool) error {
	out := bufio.NewWriterSize(w, 64<<10)
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	for {
		if !sub.Buffered() {
			if err := out.Flush(); err != nil {
				return err
			}
		}
		e, err := sub.Next(s.ctx)
		if err == io.EOF {
			return out.Flush()
		}
		if err == nil && asJSON {
			err = encoder.Encode(newLogLine(&e))
		} else if err == nil {
			_, err = fmt.Fprintln(out, textLine(&e))
		}
		if err != nil {
			return err
		}
	}
}

// compactedLine says what is missing.
func compactedLine(c client.Compacted) string {
	line := fmt.Sprintf("ate: the chain was compacted: some events from %d to %d are gone, superseded by later ones", c.From, c.Before-1)
	if c.Forgotten {
		line += ", and with them that some objects have ended: only the log from its beginning shows what lives"
	}
	return line
}

func textLine(e *client.StoredEvent) string {
	kind := "put"
	if e.Header.Tombstone {
		kind = "rm"
	}
	return fmt.Sprintf("%d\t%s\t%s\t%d\t%s\t%s", e.Seq, formatTime(e.Time), kind, e.DataLen,
		printable(string(e.Header.Key)), printable(e.Header.Type))
}

// logLine is an event in JSON.
type logLine struct {
	Seq        event.Seq         `json:"seq"`
	Time       string            `json:"time"`
	Commit     string            `json:"commit"`
	Key        *string           `json:"key,omitempty"`
	KeyBase64  []byte            `json:"key_base64,omitempty"`
	Tombstone  bool              `json:"tombstone"`
	Type       string            `json:"type,omitempty"`
	Labels     map[string]string `json:"labels,omitempty"`
	Size       int               `json:"size"`
	Data       *string           `json:"data,omitempty"`
	DataBase64 []byte            `json:"data_base64,omitempty"`
}

func newLogLine(e *client.StoredEvent) logLine {
	line := logLine{
		Seq: e.Seq, Time: formatTime(e.Time), Commit: hex.EncodeToString(e.Commit[:]),
		Tombstone: e.Header.Tombstone, Type: e.Header.Type, Labels: e.Header.Labels, Size: e.DataLen,
	}
	line.Key, line.KeyBase64 = textOrBytes(e.Header.Key)
	line.Data, line.DataBase64 = textOrBytes(e.Data)
	return line
}

// textOrBytes returns b as text if it is UTF-8.
func textOrBytes(b []byte) (*string, []byte) {
	if !utf8.Valid(b) {
		return nil, b
	}
	s := string(b)
	return &s, nil
}
