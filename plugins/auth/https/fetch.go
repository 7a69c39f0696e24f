package https

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode"

	"github.com/atedb/atedb/sdk/fault"
)

// fetcher fetches what stands at a URL. Its faults are not_found, for what the
// server says is not there; denied, for a host that may not be asked; and
// unavailable for everything else.
type fetcher struct {
	client  *http.Client
	timeout time.Duration
	maxSize int64
	flights flights
}

func newFetcher(c *config, authorities *x509.CertPool, d *dialer) *fetcher {
	transport := &http.Transport{ // Proxy is nil: the environment has no say
		DialContext:            d.DialContext,
		TLSClientConfig:        &tls.Config{RootCAs: authorities, MinVersion: tls.VersionTLS12},
		DisableKeepAlives:      true,
		DisableCompression:     true, // so that a small answer stays one
		MaxResponseHeaderBytes: maxHeader,
		TLSHandshakeTimeout:    c.timeout + slack,
	}
	stay := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &fetcher{client: &http.Client{Transport: transport, CheckRedirect: stay}, timeout: c.timeout, maxSize: c.maxSize}
}

// fetch returns what stands at a URL, which is shared with others who ask for it
// at the same time, and not to be changed.
func (f *fetcher) fetch(ctx context.Context, from *url.URL) ([]byte, error) {
	under, err := f.flights.join(from, f.timeout, f.ask)
	if err != nil {
		return nil, err
	}
	select {
	case <-under.done:
		return under.body, under.err
	case <-ctx.Done():
		return nil, fault.New(fault.Unavailable, "the question to %s was given up: %w", from.Host, ctx.Err())
	}
}

func (f *fetcher) ask(ctx context.Context, from *url.URL) ([]byte, error) {
	body, err := f.get(ctx, from)
	switch {
	case err == nil:
		return body, nil
	case ctx.Err() != nil:
		return nil, fault.New(fault.Unavailable, "%s did not answer within %v", from.Host, f.timeout)
	case errors.Is(err, errNotPublic):
		return nil, fault.New(fault.Denied, "%s has no public address; its operator has to give it one, or the operator of this server to set allow_private", from.Host)
	}
	return nil, err
}

func (f *fetcher) get(ctx context.Context, from *url.URL) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, from.String(), nil)
	if err != nil {
		return nil, fault.New(fault.Unavailable, "%s: %s", from.Host, plain(err))
	}
	request.Header.Set("User-Agent", "atedb-plugin-auth-https")
	response, err := f.client.Do(request)
	if err != nil {
		var wrapper *url.Error
		if errors.As(err, &wrapper) { // which repeats the URL
			err = wrapper.Err
		}
		switch {
		case errors.Is(err, errNotPublic):
			return nil, err
		case fault.Is(err, fault.NotFound), fault.Is(err, fault.BadRequest): // by DNS
			return nil, fault.New(fault.NotFound, "%s cannot be asked: %s", from.Host, plain(err))
		}
		return nil, fault.New(fault.Unavailable, "%s cannot be asked: %s", from.Host, plain(err))
	}
	defer response.Body.Close()
	if err := checkStatus(response, from); err != nil {
		return nil, err
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, f.maxSize+1))
	switch {
	case err != nil:
		return nil, fault.New(fault.Unavailable, "%s broke off its answer: %s", from.Host, plain(err))
	case int64(len(body)) > f.maxSize:
		return nil, fault.New(fault.Unavailable, "%s answers with more than the %d bytes that are allowed", from.Host, f.maxSize)
	}
	return body, nil
}

func checkStatus(response *http.Response, from *url.URL) error {
	switch status := response.StatusCode; {
	case status == http.StatusOK:
		return nil
	case status == http.StatusNotFound, status == http.StatusGone:
		return fault.New(fault.NotFound, "there is nothing at %s", from)
	case status >= 300 && status < 400:
		return fault.New(fault.Unavailable, "%s sends on to %.100q, and redirects are not followed; it has to answer itself", from, response.Header.Get("Location"))
	default:
		return fault.New(fault.Unavailable, "%s answers with status %d", from, status)
	}
}

// plain returns an error's text as a part of one line. It may have words in it
// that a stranger chose.
func plain(err error) string {
	var of *net.OpError
	if errors.As(err, &of) { // which has the address
		err = of.Err
	}
	text := err.Error()
	var f *fault.Error
	if errors.As(err, &f) {
		text = f.Reason
	}
	text = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, text)
	if len(text) > maxSentence {
		text = strings.ToValidUTF8(text[:maxSentence], "") + "..."
	}
	return text
}
