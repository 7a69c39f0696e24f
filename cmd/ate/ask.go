package main

import (
	"context"
	"os"
	"strings"

	"golang.org/x/term"

	"github.com/atedb/atedb/sdk/fault"
)

// question is a question for something secret.
type question struct {
	what      string   // is asked for, in a sentence
	prompt    string   // at the terminal
	variables []string // of the environment that spare it, the first that is set
	twice     bool     // it is new, so that a mistake would not be noticed
	none      string   // how to have none, if that is possible
}

// answer returns what the environment has, or what is typed at the terminal.
func (q question) answer(ctx context.Context) (string, error) {
	for _, name := range q.variables {
		if value := os.Getenv(name); value != "" {
			return value, nil
		}
	}
	tty, err := openTerminal()
	if err != nil {
		return "", fault.New(fault.BadPassphrase, "%s is needed, and there is no terminal to ask for it; set %s%s", q.what, strings.Join(q.variables, " or "), joined(", or ", q.none))
	}
	defer tty.Close()
	typed, err := ask(ctx, tty, q.prompt)
	if err != nil || !q.twice {
		return typed, err
	}
	if typed == "" {
		return "", fault.New(fault.BadPassphrase, "the passphrase is empty%s", joined("; to have none, ", q.none))
	}
	again, err := ask(ctx, tty, "The same again: ")
	if err != nil {
		return "", err
	}
	if again != typed {
		return "", fault.New(fault.BadPassphrase, "the two passphrases differ; nothing was done")
	}
	return typed, nil
}

// joined returns two texts together, unless the second is empty.
func joined(before, text string) string {
	if text == "" {
		return ""
	}
	return before + text
}

// openTerminal opens the terminal itself, so that standard input stays free
// for values.
func openTerminal() (*os.File, error) { return os.OpenFile("/dev/tty", os.O_RDWR, 0) }

// ask returns a line that the terminal does not show. When ctx ends, so does
// the question, and the terminal is as it was; the goroutine that waits for
// the line then lives as long as the process, which is about to end.
func ask(ctx context.Context, tty *os.File, question string) (string, error) {
	terminal := int(tty.Fd())
	before, err := term.GetState(terminal)
	if err != nil {
		return "", fault.New(fault.BadPassphrase, "asking for a passphrase: %w", err)
	}
	if _, err := tty.WriteString(question); err != nil {
		return "", fault.New(fault.BadPassphrase, "asking for a passphrase: %w", err)
	}
	type answer struct {
		line []byte
		err  error
	}
	answers := make(chan answer, 1)
	go func() {
		line, err := term.ReadPassword(terminal)
		answers <- answer{line, err}
	}()
	select {
	case a := <-answers:
		_, _ = tty.WriteString("\n")
		if a.err != nil {
			return "", fault.New(fault.BadPassphrase, "reading a passphrase: %w", a.err)
		}
		return string(a.line), nil
	case <-ctx.Done():
		_ = term.Restore(terminal, before)
		_, _ = tty.WriteString("\n")
		return "", context.Cause(ctx)
	}
}
