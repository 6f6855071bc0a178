package httpx

import (
	"fmt"
	"net"
	"sync/atomic"
	"time"
)

// stallListener gives up on clients that ask for much and then do not read. A
// time-out for whole answers would end event streams; this one only counts
// while something waits to be written.
type stallListener struct {
	net.Listener
	patience time.Duration
}

// Accept implements net.Listener.
func (l stallListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err //nolint:wrapcheck // the server looks at its type
	}
	return &stallConn{Conn: conn, patience: l.patience}, nil
}

// stallConn is a connection on which no piece of data may wait for longer than
// the patience lasts, unless whoever holds the connection sets deadlines of its
// own.
type stallConn struct {
	net.Conn
	patience time.Duration
	own      atomic.Bool
}

// pieceSize is how much must get through within the patience.
const pieceSize = 64 << 10

// Write implements net.Conn.
func (c *stallConn) Write(b []byte) (int, error) {
	written := 0
	for {
		piece := b[written:min(len(b), written+pieceSize)]
		if !c.own.Load() {
			if err := c.Conn.SetWriteDeadline(time.Now().Add(c.patience)); err != nil {
				return written, fmt.Errorf("write to the client: %w", err)
			}
		}
		n, err := c.Conn.Write(piece)
		written += n
		if err != nil || written >= len(b) {
			return written, err //nolint:wrapcheck // the server looks at its type
		}
	}
}

// SetDeadline implements net.Conn.
func (c *stallConn) SetDeadline(t time.Time) error {
	c.own.Store(!t.IsZero())
	return c.Conn.SetDeadline(t) //nolint:wrapcheck // see Write
}

// SetWriteDeadline implements net.Conn.
func (c *stallConn) SetWriteDeadline(t time.Time) error {
	c.own.Store(!t.IsZero())
	return c.Conn.SetWriteDeadline(t) //nolint:wrapcheck // see Write
}

// CloseWrite lets the server say that it is done before it hangs up, so that
// the client gets to read the last answer.
func (c *stallConn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite() //nolint:wrapcheck // see Write
	}
	return nil
}
