package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/mdp/qrterminal/v3"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/atedb/atedb/sdk/authserver"
	"github.com/atedb/atedb/sdk/fault"
)

func newUserTOTP(set *settings) *cobra.Command {
	return newParent("totp", "Have logins need time-based codes, or not",
		"Totp has a user's logins need the codes that an authenticator program shows, beside the passphrase (RFC 6238).",
		newUserTOTPEnable(set), newUserTOTPDisable(set))
}

func newUserTOTPEnable(set *settings) *cobra.Command {
	return &cobra.Command{
		Use:   "enable [NAME]",
		Short: "Have logins need time-based codes",
		Long: "Enable makes a secret and prints its otpauth URL for an authenticator program, on a terminal as a QR code too. The code that\n" +
			"the program then shows is asked for at the terminal or, without one, read from standard input.",
		Args: userArgs(0, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			name, err := userArg(args)
			if err != nil {
				return err
			}
			// The right passphrase first, or the program would have a secret
			// for nothing.
			if err := set.withLogin(cmd, name, func(context.Context, *authserver.Session) error { return nil }); err != nil {
				return err
			}
			secret := authserver.NewTOTPSecret()
			if err := showSecret(cmd.OutOrStdout(), authserver.TOTPURL(name, secret)); err != nil {
				return err
			}
			code, err := firstCode(cmd)
			if err != nil {
				return err
			}
			return set.withLogin(cmd, name, func(ctx context.Context, s *authserver.Session) error {
				return s.EnableTOTP(ctx, secret, code)
			})
		},
	}
}

// showSecret prints the URL of a secret, and its QR code where that can be seen.
func showSecret(out io.Writer, url string) error {
	if file, ok := out.(*os.File); ok && term.IsTerminal(int(file.Fd())) {
		qrterminal.GenerateHalfBlock(url, qrterminal.L, file)
	}
	_, err := fmt.Fprintln(out, url)
	return err
}

// firstCode returns the first code of a new secret.
func firstCode(cmd *cobra.Command) (string, error) {
	tty, err := openTerminal()
	if err == nil {
		defer tty.Close()
		return ask(cmd.Context(), tty, "Code that the program shows: ")
	}
	line, err := bufio.NewReader(io.LimitReader(cmd.InOrStdin(), 100)).ReadString('\n')
	if code := strings.TrimSpace(line); code != "" {
		return code, nil
	}
	return "", fault.New(fault.LoginFailed, "a code of the new secret is needed, and there is neither a terminal nor a line on standard input: %v", err)
}

func newUserTOTPDisable(set *settings) *cobra.Command {
	return &cobra.Command{
		Use:   "disable [NAME]",
		Short: "Have logins need no time-based codes any more",
		Long:  "Disable has logins need no time-based codes any more. It takes two: one to log in, and the one after\nit, which " + nextTOTPVariable + " may have.",
		Args:  userArgs(0, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			name, err := userArg(args)
			if err != nil {
				return err
			}
			return set.withLogin(cmd, name, func(ctx context.Context, s *authserver.Session) error {
				code, err := question{
					what: "the next time-based code", prompt: "Next time-based code, once the program shows another: ", variables: []string{nextTOTPVariable},
				}.answer(ctx)
				if err != nil {
					return err
				}
				return s.DisableTOTP(ctx, code)
			})
		},
	}
}
