package main

import (
	"context"
	"errors"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/atedb/atedb/sdk/account"
	"github.com/atedb/atedb/sdk/authserver"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/known"
)

// Environment variables of what asks an authentication server.
const (
	authVariable          = "ATE_AUTH"
	newPassphraseVariable = "ATE_NEW_PASSPHRASE"
	totpVariable          = "ATE_TOTP"
	recoveryVariable      = "ATE_RECOVERY"
	nextTOTPVariable      = "ATE_NEXT_TOTP" // where two codes are needed
)

// authEncryption is the least wire encryption to an authentication server.
const authEncryption = 128

// vaultCost is what it takes to try one passphrase against a vault; zero is the
// default. Tests have no time for that.
var vaultCost account.Cost

// now is the time.
func now() time.Time { return time.Now() }

// addAuthFlag adds the flag of a command, and of those under it, that asks an
// authentication server.
func (set *settings) addAuthFlag(cmd *cobra.Command) *cobra.Command {
	cmd.PersistentFlags().StringVar(&set.auth, "auth", "", "the `URL` of the authentication server (default: what "+authVariable+" has, else the login's, else "+authserver.DefaultURL+")")
	return cmd
}

// authURL returns the URL of the authentication server to ask, and where it is
// from.
func (set *settings) authURL() (url, from string, err error) {
	if set.auth != "" {
		return set.auth, "--auth", nil
	}
	if url := os.Getenv(authVariable); url != "" {
		return url, authVariable, nil
	}
	login, err := readLogin()
	if err != nil {
		return "", "", err
	}
	if login != nil {
		return login.Token.Server, "the login", nil
	}
	return authserver.DefaultURL, "the default; --auth and " + authVariable + " name another", nil
}

// withAuth does something with the authentication server.
func (set *settings) withAuth(cmd *cobra.Command, do func(context.Context, *authserver.Client) error) error {
	url, from, err := set.authURL()
	if err != nil {
		return err
	}
	if _, err := authserver.ParseURL(url); err != nil {
		return usageError{explain(err, "the authentication server of %s", from)}
	}
	err = set.withServer(cmd.Context(), url, do)
	if fault.Is(err, fault.Unavailable) {
		return explain(err, "asking the authentication server %s (from %s)", url, from)
	}
	return err
}

// withServer connects to a server, does something with it, and ends the connection.
// The server has the timeout for each answer.
func (set *settings) withServer(ctx context.Context, url string, do func(context.Context, *authserver.Client) error) error {
	options, err := set.authOptions()
	if err != nil {
		return err
	}
	c, err := set.dialAuth(ctx, url, options)
	if err == nil {
		defer c.Close()
		err = do(ctx, c)
	}
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return err
}

// dialAuth connects to a server, and waits for one that cannot be reached until
// the timeout is over.
func (set *settings) dialAuth(ctx context.Context, url string, options authserver.Options) (*authserver.Client, error) {
	ctx, stop := context.WithTimeout(ctx, set.timeout)
	defer stop()
	for pause := firstPause; ; pause = min(2*pause, longestPause) {
		c, err := authserver.Dial(ctx, url, options)
		if !fault.Is(err, fault.Unavailable) || ctx.Err() != nil {
			return c, err
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-time.After(pause):
		}
	}
}

// Pauses between attempts to reach a server.
const (
	firstPause   = 50 * time.Millisecond
	longestPause = time.Second
)

func (set *settings) authOptions() (authserver.Options, error) {
	o := authserver.Options{Patience: set.timeout, Agent: "ate " + buildVersion(), MinEncryption: max(authEncryption, set.encryption), OnUnknownServer: set.onUnknownServer(), Cost: vaultCost}
	folder, err := known.DefaultFolder()
	if err != nil {
		return o, err
	}
	o.Hosts, o.Heads, o.Statements = folder, folder, folder
	if o.DialContext, err = set.dialContext(); err != nil {
		return o, err
	}
	o.TLS, err = set.tls()
	return o, err
}

// withLogin logs a user in with the passphrase and does something as him.
func (set *settings) withLogin(cmd *cobra.Command, name account.Name, do func(context.Context, *authserver.Session) error) error {
	passphrase, err := question{
		what: "the passphrase of " + name.String(), prompt: "Passphrase of " + name.String() + ": ", variables: []string{passphraseVariable},
	}.answer(cmd.Context())
	if err != nil {
		return err
	}
	code := os.Getenv(totpVariable)
	err = set.tryLogin(cmd, name, passphrase, code, do)
	if !errors.Is(err, errNoCode) {
		return err
	}
	// A server does not wait for long for somebody who types.
	if code, err = askCode(cmd); err != nil {
		return err
	}
	return set.tryLogin(cmd, name, passphrase, code, do)
}

// errNoCode says that a time-based code is needed to log in.
var errNoCode = errors.New("a time-based code is needed")

func (set *settings) tryLogin(cmd *cobra.Command, name account.Name, passphrase, code string, do func(context.Context, *authserver.Session) error) error {
	return set.withAuth(cmd, func(ctx context.Context, c *authserver.Client) error {
		s, err := c.Login(ctx, name, passphrase, func(context.Context) (string, error) {
			if code == "" {
				return "", errNoCode
			}
			return code, nil
		})
		if err != nil {
			return err
		}
		return do(ctx, s)
	})
}

// askCode returns the present time-based code.
func askCode(cmd *cobra.Command) (string, error) {
	return question{
		what: "a time-based code", prompt: "Time-based code: ", variables: []string{totpVariable},
	}.answer(cmd.Context())
}
