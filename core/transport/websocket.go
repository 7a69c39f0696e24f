package transport

import (
	"net"
	"net/http"
	"strings"
	"sync"

	"github.com/atedb/atedb/sdk/wire"
)

// upgradeListener gives the HTTP server the connections that speak HTTP.
type upgradeListener struct{ *Listener }

func (l upgradeListener) Accept() (net.Conn, error) {
	select {
	case nc := <-l.upgrades:
		return nc, nil
	case <-l.closing:
		return nil, net.ErrClosed
	}
}

func (l upgradeListener) Close() error { return nil }

// serveHTTP hands a connection to the HTTP server and waits until it ends.
func (l *Listener) serveHTTP(nc *prefixed) {
	select {
	case l.upgrades <- nc:
		<-nc.closed
	case <-l.closing:
		nc.Close()
	}
}

// upgrade turns a request into a stream of messages.
func (l *Listener) upgrade(w http.ResponseWriter, r *http.Request) {
	l.running.Add(1) // the handler goes on behind the end of its connection, for which serve waits
	defer l.running.Done()
	name, ok := strings.CutPrefix(r.URL.Path, l.config.Path.Prefix)
	if !ok {
		refuse(w, http.StatusNotFound, l.config.Path.Hint)
		return
	}
	if err := l.config.Path.CheckName(name); err != nil {
		refuse(w, http.StatusBadRequest, err.Error())
		return
	}
	if r.Header.Get("Upgrade") == "" {
		w.Header().Set("Upgrade", "websocket")
		refuse(w, http.StatusUpgradeRequired, "Open this URL as a WebSocket: ws://"+r.Host+r.URL.Path)
		return
	}
	nc, err := wire.Upgrade(w, r)
	if err != nil {
		l.config.Logger.Debug("WebSocket refused", "from", r.RemoteAddr, "error", err)
		return
	}
	l.config.Handler(nc, name)
}

func refuse(w http.ResponseWriter, status int, sentence string) {
	w.Header().Set("Connection", "close")
	http.Error(w, sentence, status)
}

// prefixed is a connection of which the first bytes have been read already.
type prefixed struct {
	net.Conn
	prefix []byte
	once   sync.Once
	closed chan struct{}
}

func newPrefixed(nc net.Conn, prefix []byte) *prefixed {
	return &prefixed{Conn: nc, prefix: prefix, closed: make(chan struct{})}
}

func (c *prefixed) Read(p []byte) (int, error) {
	if len(c.prefix) > 0 {
		n := copy(p, c.prefix)
		c.prefix = c.prefix[n:]
		return n, nil
	}
	return c.Conn.Read(p)
}

func (c *prefixed) Close() error {
	err := c.Conn.Close()
	c.once.Do(func() { close(c.closed) })
	return err
}
