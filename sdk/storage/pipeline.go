package storage

import (
	"sync"

	"github.com/atedb/atedb/sdk/fault"
)

// replier sends append requests and receives their answers, in the same order.
// queue and receive are each used by one goroutine at a time, flush by several.
type replier interface {
	queue(chain uint32, records []byte) error
	flush() error       // sends what is queued, unless somebody else is about to
	receive() error     // the next answer; a brokenError ends it
	close(reason error) // makes a receive that waits return
}

// brokenError is a failure of the transport rather than of a request.
type brokenError struct{ cause error }

func (e *brokenError) Error() string { return e.cause.Error() }

// pipeline lets many goroutines have appends under way over one replier.
//
// There is no goroutine that receives: whoever waits for an answer receives
// for everybody until its own has come, and hands over to another who waits.
// A lone append thus costs no switch between goroutines.
type pipeline struct {
	replier

	mu      sync.Mutex // orders queue with waiting; not held while anything is sent
	waiting []*pending // sent and not answered, oldest first
	broken  error      // why the pipeline is of no more use

	receiving chan struct{} // holds a token while somebody receives
}

type pending struct {
	answered chan struct{}
	err      error // valid once answered is closed
}

func newPipeline(r replier) *pipeline {
	return &pipeline{replier: r, receiving: make(chan struct{}, 1)}
}

// append sends one request and waits for its answer.
func (p *pipeline) append(chain uint32, records []byte) error {
	mine := &pending{answered: make(chan struct{})}
	p.mu.Lock()
	if p.broken != nil {
		p.mu.Unlock()
		return p.broken
	}
	p.waiting = append(p.waiting, mine)
	err := p.queue(chain, records)
	p.mu.Unlock()
	if err == nil {
		err = p.flush()
	}
	if err != nil {
		p.fail(err)
	}
	select {
	case <-mine.answered:
	case p.receiving <- struct{}{}:
		p.receiveUntil(mine)
		<-p.receiving
	}
	return mine.err
}

func (p *pipeline) receiveUntil(mine *pending) {
	for {
		select {
		case <-mine.answered:
			return
		default:
		}
		err := p.receive()
		if broken, ok := err.(*brokenError); ok {
			p.fail(broken.cause)
			return
		}
		p.mu.Lock()
		if len(p.waiting) > 0 {
			p.waiting[0].err = err
			close(p.waiting[0].answered)
			p.waiting[0] = nil
			p.waiting = p.waiting[1:]
		}
		p.mu.Unlock()
	}
}

// fail ends the pipeline: every append under way or to come fails.
func (p *pipeline) fail(cause error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.broken == nil {
		p.broken = fault.New(fault.Unavailable, "the connection to the storage plugin is lost: %w", cause)
		p.close(cause)
	}
	for _, w := range p.waiting {
		w.err = p.broken
		close(w.answered)
	}
	p.waiting = nil
}
