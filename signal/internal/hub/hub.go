// Package hub knows the clients of this replica and which channels they listen
// to, and hands every signal to those it is for.
//
// What not: it knows neither WebSockets nor other replicas.
//
// Start reading at [Hub.Deliver].
package hub

import (
	"encoding/json"
	"slices"
	"sync"

	"github.com/stagedoor/stagedoor/internal/fault"
)

// Limits bound what clients may take. Zero values are defaults.
type Limits struct {
	Clients   int // of this replica; default 20 000
	Anonymous int // clients of nobody; default 1000
	Caller    int // clients of one caller; default 100
	Channels  int // of one client; default 100
	Queue     int // messages that wait for one client; default 256
}

const maxChannelName = 200

// Signal is one message on its way to clients.
type Signal struct {
	Recipients []string        `json:"to,omitempty"`
	Everyone   bool            `json:"all,omitempty"`
	Channel    string          `json:"channel"`
	Message    json.RawMessage `json:"message"`
}

// Hub is safe for concurrent use. Make one with [New].
type Hub struct {
	limits Limits

	mu      sync.Mutex
	clients map[*Client]struct{}
	byRef   map[string]map[*Client]struct{}
	callers map[string]int // the empty one is anonymous
	closed  bool
	left    chan struct{} // closed when closed and the last client has left
}

// New returns a hub without clients.
func New(limits Limits) *Hub {
	for value, unset := range map[*int]int{
		&limits.Clients: 20_000, &limits.Anonymous: 1000, &limits.Caller: 100, &limits.Channels: 100, &limits.Queue: 256,
	} {
		if *value == 0 {
			*value = unset
		}
	}
	return &Hub{
		limits: limits, clients: map[*Client]struct{}{}, byRef: map[string]map[*Client]struct{}{},
		callers: map[string]int{}, left: make(chan struct{}),
	}
}

// End says why a client has to go.
type End int

// The ends.
const (
	TooSlow  End = iota + 1 // it does not take its messages
	Stopping                // this replica stops; another one may be there
)

// Client is one connection. Its owner takes from Messages until Done.
type Client struct {
	caller   string
	refs     []string
	messages chan []byte
	done     chan struct{}
	end      End // set before done is closed
	channels map[string]struct{}
}

// Messages are what is to be sent to the client.
func (c *Client) Messages() <-chan []byte { return c.messages }

// Done is closed when the client has to go.
func (c *Client) Done() <-chan struct{} { return c.done }

// End says why, once Done is closed.
func (c *Client) End() End { return c.end }

// Join adds a client of the caller, whose signals are those to one of the
// refs. An empty caller is anonymous. It returns an error with code
// unavailable when there are too many, or the hub is closed. Every client that
// joined has to [Hub.Leave].
func (h *Hub) Join(caller string, refs []string) (*Client, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	limit := h.limits.Caller
	if caller == "" {
		limit = h.limits.Anonymous
	}
	switch {
	case h.closed:
		return nil, fault.New(fault.Unavailable, "The server is stopping")
	case len(h.clients) >= h.limits.Clients:
		return nil, fault.New(fault.Unavailable, "Too many clients are connected")
	case h.callers[caller] >= limit:
		return nil, fault.Newf(fault.Unavailable, "Too many clients of %s are connected", nameOf(caller))
	}
	c := &Client{
		caller: caller, refs: refs, messages: make(chan []byte, h.limits.Queue),
		done: make(chan struct{}), channels: map[string]struct{}{},
	}
	h.clients[c] = struct{}{}
	h.callers[caller]++
	for _, ref := range refs {
		if h.byRef[ref] == nil {
			h.byRef[ref] = map[*Client]struct{}{}
		}
		h.byRef[ref][c] = struct{}{}
	}
	return c, nil
}

func nameOf(caller string) string {
	if caller == "" {
		return "callers without credentials"
	}
	return caller
}

// Leave removes the client.
func (h *Hub) Leave(c *Client) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, ok := h.clients[c]; !ok {
		return
	}
	delete(h.clients, c)
	if h.callers[c.caller]--; h.callers[c.caller] == 0 {
		delete(h.callers, c.caller)
	}
	for _, ref := range c.refs {
		if delete(h.byRef[ref], c); len(h.byRef[ref]) == 0 {
			delete(h.byRef, ref)
		}
	}
	if h.closed && len(h.clients) == 0 {
		close(h.left)
	}
}

// Subscribe has the client get the channel's signals. It returns an error with
// code invalid for a name that is too long and too_large for a channel too
// many.
func (h *Hub) Subscribe(c *Client, channel string) error {
	if len(channel) > maxChannelName {
		return fault.Newf(fault.Invalid, "the name of a channel has at most %d bytes", maxChannelName)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	c.channels[channel] = struct{}{}
	if len(c.channels) > h.limits.Channels {
		delete(c.channels, channel)
		return fault.Newf(fault.TooLarge, "a client may listen to %d channels", h.limits.Channels)
	}
	return nil
}

// Unsubscribe ends that.
func (h *Hub) Unsubscribe(c *Client, channel string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(c.channels, channel)
}

// Deliver puts the signal into the queues of the clients it is for. It never
// waits: a client whose queue is full is told to go.
func (h *Hub) Deliver(s Signal) {
	var text []byte // made when the first client wants it
	h.mu.Lock()
	defer h.mu.Unlock()
	give := func(c *Client) {
		if _, ok := c.channels[s.Channel]; !ok || c.end != 0 {
			return
		}
		if text == nil {
			text = encode(s)
		}
		select {
		case c.messages <- text:
		default:
			c.dismiss(TooSlow)
		}
	}
	if s.Everyone {
		for c := range h.clients {
			give(c)
		}
		return
	}
	for i, ref := range s.Recipients {
		for c := range h.byRef[ref] {
			// Who owns several of the recipients gets one message.
			if i == 0 || !slices.ContainsFunc(s.Recipients[:i], func(earlier string) bool { return slices.Contains(c.refs, earlier) }) {
				give(c)
			}
		}
	}
}

func encode(s Signal) []byte {
	name, err := json.Marshal(s.Channel)
	if err != nil { // a string always encodes
		return nil
	}
	text := make([]byte, 0, len(s.Message)+len(name)+32)
	text = append(append(text, `{"channel":`...), name...)
	text = append(append(text, `,"message":`...), s.Message...)
	return append(text, '}')
}

// dismiss needs the hub's lock.
func (c *Client) dismiss(why End) {
	if c.end == 0 {
		c.end = why
		close(c.done)
	}
}

// Close tells all clients to go and lets none in any more. The channel it
// returns is closed when the last one has left.
func (h *Hub) Close() <-chan struct{} {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return h.left
	}
	h.closed = true
	for c := range h.clients {
		c.dismiss(Stopping)
	}
	if len(h.clients) == 0 {
		close(h.left)
	}
	return h.left
}

// Len is the number of clients.
func (h *Hub) Len() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.clients)
}
