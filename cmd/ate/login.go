package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/atedb/atedb/cmd/ate/internal/loginfile"
	"github.com/atedb/atedb/sdk/account"
	"github.com/atedb/atedb/sdk/authserver"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/keys"
	"github.com/atedb/atedb/sdk/keys/keyfile"
	"github.com/atedb/atedb/sdk/token"
)

// Of the token that a login leaves.
const (
	loginLife  = 12 * time.Hour
	loginLabel = "ate login"
)

func newLogin(set *settings) *cobra.Command {
	var life time.Duration
	var saveKey string
	cmd := &cobra.Command{
		Use:   "login NAME",
		Short: "Log in, so that commands act as a user",
		Long: "Login logs a user such as joe@example.com in at the authentication server, and leaves in $ATE_HOME/login a token, which\n" +
			"may write the user's chains and speak for him at that server for a while, and his read keys. His signing key is not kept,\n" +
			"unless --save-key writes it to a key file, protected with a passphrase, as ate key new does.\n" +
			"It prints the user, the server, and until when the login lasts, parted by tabs.\n\n" +
			secretsHelp,
		Args: userArgs(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			name, err := userArg(args)
			if err != nil {
				return err
			}
			save, err := newSavedKey(cmd.Context(), saveKey)
			if err != nil {
				return err
			}
			before, err := readLogin()
			if err != nil {
				return err
			}
			var login *loginfile.Login
			err = set.withLogin(cmd, name, func(ctx context.Context, s *authserver.Session) error {
				if err := save.write(s.Keys()[len(s.Keys())-1]); err != nil {
					return err
				}
				login, err = leaveLogin(ctx, s, life, before)
				return err
			})
			if err != nil {
				return err
			}
			d := login.Token.Delegation
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s\t%s\t%s\n", d.User, login.Token.Server, formatTime(d.Expires))
			return err
		},
	}
	cmd.Flags().DurationVar(&life, "for", loginLife, "how long the login lasts")
	cmd.Flags().StringVar(&saveKey, "save-key", "", "keep the user's keys in the key file of this `name` too")
	return set.addAuthFlag(cmd)
}

// secretsHelp is a part of help texts.
const secretsHelp = "What is secret is asked for at the terminal, unless the environment has it: " + passphraseVariable + ", " + totpVariable + " for a\ntime-based code, " +
	newPassphraseVariable + " for a passphrase to be, " + recoveryVariable + " for a recovery code."

// userArgs checks a command's arguments, of which the first is a user.
func userArgs(atLeast, atMost int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) < atLeast || len(args) > atMost {
			return usage("%s takes %s; see %s --help", cmd.CommandPath(), cmd.Use[len(cmd.Name())+1:], cmd.CommandPath())
		}
		if len(args) > 0 {
			if _, err := account.ParseName(args[0]); err != nil {
				return usageError{err}
			}
		}
		return nil
	}
}

// leaveLogin issues a token and keeps it with the user's read keys. The token of
// the login before is revoked if it was this user's.
func leaveLogin(ctx context.Context, s *authserver.Session, life time.Duration, before *loginfile.Login) (*loginfile.Login, error) {
	folder, err := loginfile.DefaultFolder()
	if err != nil {
		return nil, err
	}
	own, err := token.ParseScope(s.User().Domain() + "/" + s.User().User() + "/*")
	if err != nil {
		return nil, err
	}
	issued, err := s.IssueToken(ctx, token.Options{Chains: []token.Scope{own}, Account: true, Label: loginLabel, For: life})
	if err != nil {
		return nil, err
	}
	login := &loginfile.Login{Token: issued}
	for _, id := range s.Keys() {
		login.Readers = append(login.Readers, id.Read)
	}
	if err := folder.Write(login); err != nil {
		return nil, err
	}
	if before != nil && before.Token.Delegation.User == s.User() {
		// It may be of another server, or over: then there is nothing to revoke.
		_ = s.RevokeToken(ctx, before.Token.Delegation.ID)
	}
	return login, nil
}

// renewLogin leaves a login in the place of one whose token new keys have ended,
// for the rest of its time. One that is over stays over.
func renewLogin(ctx context.Context, s *authserver.Session, before *loginfile.Login) error {
	left := before.Token.Delegation.Expires.Sub(now()).Truncate(time.Second)
	if left < time.Second {
		return nil
	}
	_, err := leaveLogin(ctx, s, left, nil)
	return err
}

// savedKey is a key file to be written.
type savedKey struct {
	folder     keyfile.Folder
	name       string // "" for none
	passphrase string
}

// newSavedKey asks for the passphrase of a key file to be, unless the name is
// taken.
func newSavedKey(ctx context.Context, name string) (*savedKey, error) {
	k := &savedKey{name: name}
	if name == "" {
		return k, nil
	}
	if err := keys.CheckName(name); err != nil {
		return nil, usageError{err}
	}
	var err error
	if k.folder, err = keyfile.DefaultFolder(); err != nil {
		return nil, err
	}
	if err := checkFree(k.folder, name); err != nil {
		return nil, err
	}
	k.passphrase, err = newPassphrase(ctx, name, "")
	return k, err
}

func (k *savedKey) write(id *keys.Identity) error {
	if k.name == "" {
		return nil
	}
	file, err := keyfile.New(&keys.Identity{Name: k.name, Signing: id.Signing, Read: id.Read}, k.passphrase)
	if err != nil {
		return err
	}
	return k.folder.Create(file)
}

func newLogout(set *settings) *cobra.Command {
	return &cobra.Command{
		Use:   "logout",
		Short: "End the login",
		Long:  "Logout removes what ate login left, and has the authentication server revoke the token, so that a copy of it is of no use.",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			folder, err := loginfile.DefaultFolder()
			if err != nil {
				return err
			}
			login, err := folder.Read()
			if err != nil {
				return err
			}
			if login == nil {
				return fault.New(fault.NotFound, "nobody is logged in")
			}
			if err := folder.Remove(); err != nil {
				return err
			}
			return set.revokeLogin(cmd, login)
		},
	}
}

// revokeLogin has the server revoke the token of a login that was removed. One
// that is over already is done.
func (set *settings) revokeLogin(cmd *cobra.Command, login *loginfile.Login) error {
	d := login.Token.Delegation
	err := set.withServer(cmd.Context(), login.Token.Server, func(ctx context.Context, c *authserver.Client) error {
		s, err := c.Present(ctx, login.Token)
		if err != nil {
			return err
		}
		return s.RevokeToken(ctx, d.ID)
	})
	if err == nil || fault.Is(err, fault.TokenExpired) || fault.Is(err, fault.TokenRevoked) {
		return nil
	}
	return explain(err, "the login was removed here, and %s could not be told, where its token %s is good until %s", login.Token.Server, d.ID, formatTime(d.Expires))
}

func newWhoami(set *settings) *cobra.Command {
	return &cobra.Command{
		Use:   "whoami",
		Short: "Print whom commands act as",
		Long: "Whoami prints whom commands act as, a line each for what there is of: user, server, key (the id of what signs for him),\n" +
			"expires and chains of a token or of the login; or name and key of a key file. It asks no server.",
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			out := cmd.OutOrStdout()
			if set.key == "" {
				h, err := set.holder()
				if err == nil {
					return printHolder(out, h.login.Token)
				}
				if !fault.Is(err, fault.NeedsLogin) {
					return err
				}
			}
			folder, err := keyfile.DefaultFolder()
			if err != nil {
				return err
			}
			name := set.key
			if name == "" {
				name = defaultKey
			}
			file, err := folder.Read(name)
			if set.key == "" && fault.Is(err, fault.NotFound) {
				return fault.New(fault.NotFound, "commands act as nobody; log in with ate login, or make a key with ate key new")
			}
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(out, "name\t%s\nkey\t%s\n", file.Public.Name, file.Public.Signing)
			return err
		},
	}
}

func printHolder(out io.Writer, t *token.Token) error {
	d := t.Delegation
	_, err := fmt.Fprintf(out, "user\t%s\nserver\t%s\nkey\t%s\nexpires\t%s\nchains\t%s\n", d.User, t.Server, d.Issuer, formatTime(d.Expires), scopes(d))
	return err
}

// scopes returns the chains that a token may write, "-" for none.
func scopes(d token.Delegation) string {
	if len(d.Chains) == 0 {
		return "-"
	}
	all := make([]string, len(d.Chains))
	for i, scope := range d.Chains {
		all[i] = string(scope)
	}
	return strings.Join(all, ",")
}
