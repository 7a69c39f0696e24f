package ldap

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	goldap "github.com/go-ldap/ldap/v3"

	"github.com/atedb/atedb/sdk/auth"
	"github.com/atedb/atedb/sdk/fault"
)

// A certificate that is not for the host, not by the authority, or too old ends
// the connection before the password is sent; so it is with StartTLS.
func TestCertificates(t *testing.T) {
	ca, other := newAuthority(t), newAuthority(t)
	until := time.Now().Add(time.Hour)
	for name, c := range map[string]struct {
		cert *tls.Config
		ca   string
		want string
	}{
		"good":              {ca.issue(t, "127.0.0.1", until), ca.path, "1 keys"},
		"of another host":   {ca.issue(t, "ldap.example.com", until), ca.path, "securing the connection by TLS"},
		"of another's CA":   {other.issue(t, "127.0.0.1", until), ca.path, "securing the connection by TLS"},
		"expired":           {ca.issue(t, "127.0.0.1", time.Now().Add(-time.Minute)), ca.path, "securing the connection by TLS"},
		"not known here":    {ca.issue(t, "127.0.0.1", until), "", "securing the connection by TLS"},
		"with old TLS only": {old(ca.issue(t, "127.0.0.1", until)), ca.path, "securing the connection by TLS"},
	} {
		for scheme, over := range map[string]*tls.Config{"ldaps": c.cert, "ldap": nil} {
			d := &ldapServer{records: people(t), bindDN: testDN, password: testPassword, tls: c.cert}
			d.start(t, over)
			r, _ := configured(t, configFor(t, d, scheme, configMap{"ca": c.ca, "starttls": over == nil}))
			if got := resolve(t, r, "example.com/joe/db"); !strings.Contains(got, c.want) {
				t.Errorf("%s, %s: %s; want %q", scheme, name, got, c.want)
			}
			if binds := d.binds.Load(); (binds > 0) != (name == "good") {
				t.Errorf("%s, %s: there were %d logins", scheme, name, binds)
			}
		}
	}
}

func old(c *tls.Config) *tls.Config {
	c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
	return c
}

// Whoever stands between and declines TLS, or slips something in before it,
// gets neither the password nor a say in who owns a chain.
func TestStartTLSStripping(t *testing.T) {
	ca := newAuthority(t)
	certificate := ca.issue(t, "127.0.0.1", time.Now().Add(time.Hour))
	for name, c := range map[string]struct {
		reply func(s *session, id int64) bool
		want  string
	}{
		"declined": {func(s *session, id int64) bool {
			s.result(id, goldap.ApplicationExtendedResponse, goldap.LDAPResultProtocolError, "no TLS here")
			return true
		}, "the directory declines (result 2"},
		"another's reply": {func(s *session, id int64) bool {
			s.result(id+1, goldap.ApplicationExtendedResponse, goldap.LDAPResultSuccess, "")
			return true
		}, "the reply is not one to the question"},
		"a reply of another kind": {func(s *session, id int64) bool {
			s.result(id, goldap.ApplicationBindResponse, goldap.LDAPResultSuccess, "")
			return true
		}, "the reply is not one to the question"},
		"a reply without a result": {func(s *session, _ int64) bool {
			_ = s.write([]byte{0x30, 5, 0x02, 1, 1, 0x78, 0})
			return true
		}, "asking for TLS"},
		"a login's success behind the reply": {func(s *session, id int64) bool {
			s.result(id, goldap.ApplicationExtendedResponse, goldap.LDAPResultSuccess, "")
			s.result(1, goldap.ApplicationBindResponse, goldap.LDAPResultSuccess, "")
			s.conn = tls.Server(s.conn, certificate)
			return true
		}, "securing the connection by TLS"},
		"plaintext instead of TLS": {func(s *session, id int64) bool {
			s.result(id, goldap.ApplicationExtendedResponse, goldap.LDAPResultSuccess, "")
			return true
		}, "securing the connection by TLS"},
	} {
		t.Run(name, func(t *testing.T) {
			d := &ldapServer{records: people(t), bindDN: testDN, password: testPassword, tls: certificate}
			d.hook = func(s *session, r request) bool {
				return r.kind == goldap.ApplicationExtendedRequest && c.reply(s, r.id)
			}
			d.start(t, nil)
			r, _ := configured(t, configFor(t, d, "ldap", configMap{"ca": ca.path, "starttls": true}))
			wants(t, r, "example.com/joe/db", c.want)
			if d.binds.Load()+d.searches.Load() > 0 {
				t.Error("the plugin went on without TLS")
			}
		})
	}
}

// The password is nowhere but on the wire: not in what a refused login leads to,
// even if the directory repeats it, nor in any error of the file.
func TestPasswordIsNeverShown(t *testing.T) {
	d := &ldapServer{records: people(t), bindDN: testDN, password: "another"}
	d.start(t, nil)
	c := configFor(t, d, "ldap", nil)
	path := c["bind_password_file"].(string)
	if err := os.WriteFile(path, []byte(testPassword), 0o600); err != nil {
		t.Fatal(err)
	}
	r, log := configured(t, c)
	got := resolve(t, r, "example.com/joe/db")
	if !strings.Contains(got, "it refuses this server's own login; the operator finds more in the log") || strings.Contains(got, testDN) {
		t.Errorf("the sentence is %s", got)
	}
	if text := log.String(); !strings.Contains(text, "Invalid Credentials") || !strings.Contains(text, testDN) || strings.Count(text, "\n") != 1 {
		t.Errorf("the log is %q; want a line with the reason and the login's name", text)
	}
	config, _ := json.Marshal(c)
	for text, mode := range map[string]os.FileMode{testPassword: 0o644, testPassword + "\n" + testPassword: 0o600, testPassword + "\x00": 0o400, strings.Repeat(testPassword, 100): 0o600} {
		if os.Remove(path) != nil || os.WriteFile(path, []byte(text), mode) != nil {
			t.Fatal("writing the password")
		}
		if err := New().Validate(config); !fault.Is(err, fault.BadConfig) || !strings.Contains(err.Error(), path) {
			t.Errorf("a password file of mode %#o: %v", mode, err)
		} else {
			got += err.Error()
		}
	}
	if text := got + log.String(); strings.Contains(text, testPassword) {
		t.Errorf("the password stands in %q", text)
	}
}

// A refused login is not tried again and again, which might lock the account;
// after a while, or for another failure at once, it is.
func TestRefusedLogin(t *testing.T) {
	d := &ldapServer{records: people(t), bindDN: testDN, password: testPassword}
	var code, logins atomic.Int64
	code.Store(goldap.LDAPResultInvalidCredentials)
	d.hook = func(s *session, r request) bool {
		if r.kind != goldap.ApplicationBindRequest || code.Load() == 0 {
			return false
		}
		logins.Add(1)
		s.result(r.id, goldap.ApplicationBindResponse, uint16(code.Load()), "")
		return true
	}
	d.start(t, nil)
	r, _ := configured(t, configFor(t, d, "ldap", nil))
	now := time.Now()
	r.ready.Load().directory.pool.now = func() time.Time { return now }
	ask := func(want string, wantLogins int64) {
		t.Helper()
		for range 5 {
			wants(t, r, "example.com/joe/db", want)
		}
		if got := logins.Load(); got != wantLogins {
			t.Errorf("there were %d logins; want %d", got, wantLogins)
		}
	}
	ask("refuses this server's own login", 1)
	now = now.Add(refusedPause)
	code.Store(goldap.LDAPResultBusy)
	ask("result 51, Busy", 6)
	code.Store(0)
	ask("1 keys", 6)
}

// A new password works without a restart once there is a new connection.
func TestChangedPassword(t *testing.T) {
	d := &ldapServer{records: people(t), bindDN: testDN, password: testPassword}
	d.start(t, nil)
	c := configFor(t, d, "ldap", nil)
	r, _ := configured(t, c)
	wants(t, r, "example.com/joe/db", "1 keys")
	address := d.address()
	d.stop()
	d.password = "a new one"
	if err := os.WriteFile(c["bind_password_file"].(string), []byte("a new one\r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	again(t, d, address)
	wants(t, r, "example.com/joe/db", "1 keys")
	// A file that is gone by then is the operator's to mend.
	d.stop()
	if err := os.Remove(c["bind_password_file"].(string)); err != nil {
		t.Fatal(err)
	}
	again(t, d, address)
	wants(t, r, "example.com/joe/db", "a file that this server logs in with is not usable")
}

// again serves at an address that was in use before.
func again(tb testing.TB, d *ldapServer, address string) {
	tb.Helper()
	listener, err := net.Listen("tcp", address)
	if err != nil {
		tb.Fatal(err)
	}
	d.serve(listener, nil)
	tb.Cleanup(d.stop)
}

// A directory that is started again is asked again; while it is down, the
// sentence names it.
func TestRestart(t *testing.T) {
	r, d := plain(t, nil, nil)
	address := d.address()
	for range 3 {
		wants(t, r, "engineers/db", "1 keys, 1 ids")
		d.stop()
		wants(t, r, "example.com/joe/db", "the directory ldap://"+address+" cannot say who owns chains now, so try again later: connecting: ")
		again(t, d, address)
	}
}

// A directory that stays away fills no log; a new reason is told at once.
func TestWarnings(t *testing.T) {
	d := &ldapServer{bindDN: testDN, password: testPassword}
	d.start(t, nil)
	d.stop()
	c := configFor(t, d, "ldap", nil)
	r, log := configured(t, c)
	now := time.Now()
	r.ready.Load().directory.pool.now = func() time.Time { return now }
	ask := func(warnings int) {
		t.Helper()
		for range 5 {
			wants(t, r, "example.com/joe/db", "try again later")
		}
		if got := strings.Count(log.String(), "\n"); got != warnings {
			t.Errorf("there are %d warnings; want %d:\n%s", got, warnings, log)
		}
	}
	ask(1)
	now = now.Add(repeatedAfter)
	ask(2)
	if err := os.Remove(c["bind_password_file"].(string)); err != nil {
		t.Fatal(err)
	}
	ask(3)
}

// A directory that has ended an idle connection is asked over a new one, by
// the question that finds it out; if it ends each one, questions end too.
func TestEndedConnections(t *testing.T) {
	var ending atomic.Int64
	r, d := plain(t, nil, func(s *session, q request) bool {
		if q.kind != goldap.ApplicationSearchRequest || ending.Add(-1) < 0 {
			return false
		}
		s.conn.Close()
		return true
	})
	wants(t, r, "example.com/joe/db", "1 keys")
	ending.Store(1)
	wants(t, r, "example.com/joe/db", "1 keys")
	ending.Store(1 << 40)
	before := d.connections.Load()
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() { wants(t, r, "example.com/joe/db", "the connection has ended") })
	}
	wg.Wait()
	if got := d.connections.Load() - before; got > 40 {
		t.Errorf("20 questions made %d connections; want at most two for each", got)
	}
}

// What else a directory may reply is no denial.
func TestResultCodes(t *testing.T) {
	for code, want := range map[uint16]string{
		goldap.LDAPResultOperationsError:          "fails to search user_base (result 1, Operations Error)",
		goldap.LDAPResultTimeLimitExceeded:        "result 3",
		goldap.LDAPResultAdminLimitExceeded:       "result 11",
		goldap.LDAPResultNoSuchObject:             "it has no entry for user_base, or does not show it",
		goldap.LDAPResultInsufficientAccessRights: "result 50",
		goldap.LDAPResultBusy:                     "result 51",
		goldap.LDAPResultUnavailable:              "result 52",
		199:                                       "result 199, unknown",
		4711:                                      "the connection has ended",
	} {
		r, _ := plain(t, nil, answering(func(s *session, id int64) {
			s.entry(id, "uid=joe,ou=people,dc=example,dc=com", nil)
			s.result(id, goldap.ApplicationSearchResultDone, code, "text\nof the server")
		}))
		wants(t, r, "example.com/joe/db", want)
	}
	// A member that cannot be looked up may be the only one with a key.
	r, _ := plain(t, nil, func(s *session, q request) bool {
		if q.kind == goldap.ApplicationSearchRequest && strings.HasPrefix(q.op.Children[0].Data.String(), "uid=joe") {
			done(s, q.id, goldap.LDAPResultBusy)
			return true
		}
		return false
	})
	wants(t, r, "engineers/db", "fails to search a member of engineers (result 51, Busy)")
}

// A directory that hangs, wherever it does, holds nobody longer than his own
// patience or the configured time.
func TestHangingServer(t *testing.T) {
	ca := newAuthority(t)
	silent, err := net.Listen("tcp", "127.0.0.1:0") // whose backlog takes connections
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	hangAt := func(kind int) *ldapServer {
		d := &ldapServer{records: people(t), bindDN: testDN, password: testPassword}
		d.hook = func(_ *session, r request) bool { return int(r.kind) == kind }
		d.start(t, nil)
		return d
	}
	configs := map[string]configMap{
		"at TLS":      configFor(t, &ldapServer{listener: silent}, "ldaps", configMap{"ca": ca.path}),
		"at StartTLS": configFor(t, &ldapServer{listener: silent}, "ldap", configMap{"ca": ca.path, "starttls": true}),
		"at login":    configFor(t, hangAt(goldap.ApplicationBindRequest), "ldap", nil),
		"at a search": configFor(t, hangAt(goldap.ApplicationSearchRequest), "ldap", nil),
	}
	for name, c := range configs {
		t.Run(name, func(t *testing.T) {
			c["timeout"] = "300ms"
			r, _ := configured(t, c)
			began := time.Now()
			wants(t, r, "example.com/joe/db", "does not answer in time")
			if took := time.Since(began); took < 250*time.Millisecond || took > 10*time.Second {
				t.Errorf("it took %v; want 300ms", took)
			}
			c["timeout"] = "1m"
			r, _ = configured(t, c)
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer cancel()
			var wg sync.WaitGroup
			for range 2 * maxInFlight { // more than may be under way
				wg.Go(func() {
					if _, err := r.Resolve(ctx, auth.Query{Chain: "engineers/db"}); !fault.Is(err, fault.Unavailable) {
						t.Errorf("the answer is %v", err)
					}
				})
			}
			wg.Wait()
			if took := time.Since(began); took > 20*time.Second {
				t.Errorf("after its context was done, a question took %v", took)
			}
		})
	}
}

// An unusable file of certificates is found before it is needed.
func TestBadFiles(t *testing.T) {
	d := &ldapServer{bindDN: testDN, password: testPassword}
	d.start(t, nil)
	empty := filepath.Join(t.TempDir(), "empty")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for key, paths := range map[string][]string{
		"ca":                 {empty, t.TempDir(), "/absent", "relative"},
		"bind_password_file": {empty, t.TempDir(), "/absent", "relative"},
	} {
		for _, path := range paths {
			config, _ := json.Marshal(configFor(t, d, "ldaps", configMap{key: path}))
			if err := New().Validate(config); !fault.Is(err, fault.BadConfig) || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), key) {
				t.Errorf("%s = %s: %v; want a bad_config fault that names both", key, path, err)
			}
		}
	}
}
