package ldap

import (
	"bufio"
	"crypto/tls"
	"net"
	"sync"
	"sync/atomic"
	"testing"

	ber "github.com/go-asn1-ber/asn1-ber"
	goldap "github.com/go-ldap/ldap/v3"
)

// ldapServer is a directory in the test's process: it binds, starts TLS, and
// searches records by filters that it evaluates itself.
type ldapServer struct {
	listener net.Listener
	tls      *tls.Config // for StartTLS
	records  []record
	bindDN   string
	password string

	// hook sees every request first, and returns whether it has dealt with it.
	// It may be called by several goroutines at once, and is not set later.
	hook func(s *session, r request) bool

	connections, binds, searches atomic.Int64

	mu       sync.Mutex
	open     map[net.Conn]bool
	closed   bool
	sessions sync.WaitGroup
}

// request is one that came, and what of a search the tests look at.
type request struct {
	id   int64
	kind ber.Tag
	op   *ber.Packet
}

// session is a client's connection. Its replies may come from several
// goroutines.
type session struct {
	server *ldapServer
	mu     sync.Mutex
	conn   net.Conn
	bound  bool
}

// start serves on a port of its own until the test ends, with TLS from the first
// byte if over is not nil.
func (d *ldapServer) start(tb testing.TB, over *tls.Config) {
	tb.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	d.serve(listener, over)
	tb.Cleanup(d.stop)
}

func (d *ldapServer) serve(listener net.Listener, over *tls.Config) {
	d.listener, d.open, d.closed = listener, make(map[net.Conn]bool), false
	d.sessions.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			d.connections.Add(1)
			if over != nil {
				conn = tls.Server(conn, over)
			}
			if d.keep(conn) {
				d.sessions.Go(func() { d.session(conn) })
			}
		}
	})
}

// keep notes a connection so that stop can close it.
func (d *ldapServer) keep(conn net.Conn) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		conn.Close()
		return false
	}
	d.open[conn] = true
	return true
}

// stop ends the listener and all connections.
func (d *ldapServer) stop() {
	d.listener.Close()
	d.mu.Lock()
	d.closed = true
	for conn := range d.open {
		conn.Close()
	}
	d.mu.Unlock()
	d.sessions.Wait()
}

func (d *ldapServer) address() string { return d.listener.Addr().String() }

func (d *ldapServer) session(conn net.Conn) {
	s := &session{server: d, conn: conn, bound: d.bindDN == ""}
	defer func() { s.conn.Close() }()
	in := bufio.NewReader(conn)
	for {
		packet, err := ber.ReadPacket(in)
		if err != nil || len(packet.Children) < 2 {
			return
		}
		r := request{packet.Children[0].Value.(int64), packet.Children[1].Tag, packet.Children[1]}
		if d.hook != nil && d.hook(s, r) {
			continue
		}
		switch r.kind {
		case goldap.ApplicationBindRequest:
			s.bind(r)
		case goldap.ApplicationSearchRequest:
			s.search(r)
		case goldap.ApplicationExtendedRequest:
			s.result(r.id, goldap.ApplicationExtendedResponse, goldap.LDAPResultSuccess, "")
			s.conn = tls.Server(conn, d.tls)
			in = bufio.NewReader(s.conn)
		default:
			return
		}
	}
}

func (s *session) bind(r request) {
	s.server.binds.Add(1)
	name, password := r.op.Children[1].Data.String(), r.op.Children[2].Data.String()
	s.bound = name == s.server.bindDN && password == s.server.password
	if s.bound {
		s.result(r.id, goldap.ApplicationBindResponse, goldap.LDAPResultSuccess, "")
		return
	}
	s.result(r.id, goldap.ApplicationBindResponse, goldap.LDAPResultInvalidCredentials, "the password "+password+" is wrong")
}

func (s *session) search(r request) {
	s.server.searches.Add(1)
	if !s.bound {
		s.result(r.id, goldap.ApplicationSearchResultDone, goldap.LDAPResultInsufficientAccessRights, "")
		return
	}
	base, scope, limit := r.op.Children[0].Data.String(), r.op.Children[1].Value.(int64), r.op.Children[3].Value.(int64)
	code, sent := goldap.LDAPResultNoSuchObject, int64(0)
	for _, rec := range s.server.records {
		if !rec.isUnder(base) {
			continue
		}
		if code == goldap.LDAPResultNoSuchObject {
			code = goldap.LDAPResultSuccess
		}
		if scope == goldap.ScopeBaseObject && !rec.is(base) || !rec.matches(r.op.Children[6]) {
			continue
		}
		if sent == limit {
			code = goldap.LDAPResultSizeLimitExceeded
			break
		}
		s.entry(r.id, rec.dn, rec.attributes(r.op.Children[7]))
		sent++
	}
	s.result(r.id, goldap.ApplicationSearchResultDone, uint16(code), "")
}

// entry sends one entry.
func (s *session) entry(id int64, dn string, attributes map[string][]string) {
	op := ber.Encode(ber.ClassApplication, ber.TypeConstructed, goldap.ApplicationSearchResultEntry, nil, "")
	op.AppendChild(octets(dn))
	list := ber.NewSequence("")
	for name, values := range attributes {
		attribute := ber.NewSequence("")
		attribute.AppendChild(octets(name))
		set := ber.Encode(ber.ClassUniversal, ber.TypeConstructed, ber.TagSet, nil, "")
		for _, value := range values {
			set.AppendChild(octets(value))
		}
		attribute.AppendChild(set)
		list.AppendChild(attribute)
	}
	op.AppendChild(list)
	s.send(id, op)
}

// reference sends a search result reference, to another server.
func (s *session) reference(id int64, url string) {
	op := ber.Encode(ber.ClassApplication, ber.TypeConstructed, goldap.ApplicationSearchResultReference, nil, "")
	op.AppendChild(octets(url))
	s.send(id, op)
}

// result sends what ends an operation, with referrals if there are any.
func (s *session) result(id int64, kind ber.Tag, code uint16, text string, referrals ...string) {
	op := ber.Encode(ber.ClassApplication, ber.TypeConstructed, kind, nil, "")
	op.AppendChild(ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagEnumerated, int64(code), ""))
	op.AppendChild(octets(""))
	op.AppendChild(octets(text))
	if len(referrals) > 0 {
		list := ber.Encode(ber.ClassContext, ber.TypeConstructed, 3, nil, "")
		for _, url := range referrals {
			list.AppendChild(octets(url))
		}
		op.AppendChild(list)
	}
	s.send(id, op)
}

func (s *session) send(id int64, op *ber.Packet) {
	message := ber.NewSequence("")
	message.AppendChild(ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagInteger, id, ""))
	message.AppendChild(op)
	_ = s.write(message.Bytes())
}

// write sends bytes as they are, and returns an error once the client is gone.
func (s *session) write(b []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, err := s.conn.Write(b)
	return err
}

func octets(text string) *ber.Packet {
	return ber.NewString(ber.ClassUniversal, ber.TypePrimitive, ber.TagOctetString, text, "")
}
