package httpx_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stagedoor/stagedoor/internal/httpx"
)

// serve runs a server with an echo at /api/p/echo and /api/p/admin, and tells
// how often the latter was asked.
func serve(t *testing.T, opts httpx.ServerOptions, root httpx.RootOptions) (address string, admin *atomic.Int64) {
	t.Helper()
	admin = &atomic.Int64{}
	rt := newRoot(t, root)
	rt.Plugin("p").Handle("/echo", httpx.AllowAnonymous, func(w http.ResponseWriter, r *http.Request) error {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return err
		}
		return httpx.JSON(w, r, map[string]any{"method": r.Method, "body": string(body), "host": r.Host})
	})
	rt.Plugin("p").Handle("/admin", httpx.AllowAnonymous, func(w http.ResponseWriter, _ *http.Request) error {
		admin.Add(1)
		return httpx.NoContent(w)
	})
	rt.Started()
	opts.Host = "127.0.0.1"
	srv := httpx.NewServer(rt, opts)
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	addr, err := srv.Listen(ctx)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- srv.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("Run = %v", err)
		}
	})
	return addr.String(), admin
}

func dial(t *testing.T, address string) net.Conn {
	t.Helper()
	var d net.Dialer
	conn, err := d.DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() }) // closed by the server, or not needed any more
	if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return conn
}

// send writes raw bytes; the server may have hung up before their end.
func send(conn net.Conn, text string) { _, _ = io.WriteString(conn, text) }

// statuses reads answers until the connection ends or nothing more comes, and
// returns their statuses.
func statuses(t *testing.T, conn net.Conn, patience time.Duration) []int {
	t.Helper()
	if err := conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	in := bufio.NewReader(conn)
	var out []int
	for {
		resp, err := http.ReadResponse(in, nil)
		if err != nil {
			return out
		}
		out = append(out, resp.StatusCode)
		if _, err := io.Copy(io.Discard, resp.Body); err != nil {
			return out
		}
	}
}

func TestServer_HangsUpOnThoseWhoDawdle(t *testing.T) {
	t.Parallel()
	const patience = 100 * time.Millisecond
	address, _ := serve(t, httpx.ServerOptions{HeaderTimeout: patience, RequestTimeout: 2 * patience, IdleTimeout: patience}, httpx.RootOptions{})
	for name, begin := range map[string]string{
		"not a word":              "",
		"headers without end":     "GET /api/p/echo HTTP/1.1\r\nHost: x\r\nX-A: b\r\n",
		"half a request line":     "GET /api/p/e",
		"a body without end":      "POST /api/p/echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nabc",
		"chunks without end":      "POST /api/p/echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
		"no second request":       "GET /api/p/echo HTTP/1.1\r\nHost: x\r\n\r\n",
		"waits for a go-ahead":    "POST /api/p/echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n",
		"half of a second one":    "GET /api/p/echo HTTP/1.1\r\nHost: x\r\n\r\nGET /api",
		"blank lines before that": "\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conn := dial(t, address)
			send(conn, begin)
			began := time.Now()
			_, err := io.Copy(io.Discard, conn)
			if errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("the connection is still open after %v", time.Since(began))
			}
		})
	}
}

func TestServer_BoundsHeadersAndBodies(t *testing.T) {
	t.Parallel()
	address, _ := serve(t, httpx.ServerOptions{}, httpx.RootOptions{MaxBody: 100})
	long := strings.Repeat("x", 101)
	for name, tc := range map[string]struct {
		request string
		want    int
	}{
		"a large token":            {"GET /api/p/echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer " + strings.Repeat("x", 32<<10) + "\r\n\r\n", 200},
		"a header too large":       {"GET /api/p/echo HTTP/1.1\r\nHost: x\r\nX-A: " + strings.Repeat("x", 80<<10) + "\r\n\r\n", 431},
		"too many headers":         {"GET /api/p/echo HTTP/1.1\r\nHost: x\r\n" + strings.Repeat("X-A: b\r\n", 12<<10) + "\r\n", 431},
		"an address too long":      {"GET /api/p/echo?" + strings.Repeat("x", 80<<10) + " HTTP/1.1\r\nHost: x\r\n\r\n", 431},
		"a body within the limit":  {"POST /api/p/echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 100\r\n\r\n" + long[1:], 200},
		"a body too large":         {"POST /api/p/echo HTTP/1.1\r\nHost: x\r\nContent-Length: 101\r\n\r\n" + long, 413},
		"a body too large to send": {"POST /api/p/echo HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n", 413},
		"chunks too large":         {"POST /api/p/echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n65\r\n" + long + "\r\n0\r\n\r\n", 413},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conn := dial(t, address)
			send(conn, tc.request)
			if got := statuses(t, conn, 15*time.Second); len(got) != 1 || got[0] != tc.want {
				t.Errorf("got %v, want one answer with status %d", got, tc.want)
			}
		})
	}
}

func TestServer_HangsUpOnThoseWhoDoNotRead(t *testing.T) {
	t.Parallel()
	failed := make(chan error, 1)
	rt := newRoot(t, httpx.RootOptions{})
	rt.Plugin("p").Handle("GET /much", httpx.AllowAnonymous, func(w http.ResponseWriter, _ *http.Request) error {
		w.Header().Set("Content-Type", "application/octet-stream")
		piece := make([]byte, 1<<20)
		for range 256 {
			if _, err := w.Write(piece); err != nil {
				failed <- err
				return err
			}
		}
		failed <- nil
		return nil
	})
	rt.Plugin("p").Handle("GET /slowly", httpx.AllowAnonymous, func(w http.ResponseWriter, r *http.Request) error {
		events, err := httpx.NewEventStream(w)
		if err != nil {
			return err
		}
		for n := range 3 {
			timer := time.NewTimer(250 * time.Millisecond) // longer than the patience
			select {
			case <-r.Context().Done():
				return r.Context().Err()
			case <-timer.C:
			}
			if err := events.Send("log", n); err != nil {
				return err
			}
		}
		return nil
	})
	rt.Started()
	srv := httpx.NewServer(rt, httpx.ServerOptions{Host: "127.0.0.1", StallTimeout: 100 * time.Millisecond})
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	addr, err := srv.Listen(ctx)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- srv.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("Run = %v", err)
		}
	})
	send(dial(t, addr.String()), "GET /api/p/much HTTP/1.1\r\nHost: x\r\n\r\n")
	if err := <-failed; !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("writing to a client that does not read gave %v, want a time-out", err)
	}
	if got := get("http://" + addr.String() + "/api/p/slowly"); strings.Count(got, "event: log") != 3 {
		t.Errorf("a stream with pauses: %q", got)
	}
}

// Whatever a proxy in front takes for one request must be one here, too.
func TestServer_SeesNoRequestInsideAnother(t *testing.T) {
	t.Parallel()
	address, admin := serve(t, httpx.ServerOptions{}, httpx.RootOptions{})
	inner := "GET /api/p/admin HTTP/1.1\r\nHost: x\r\n\r\n"
	for name, tc := range map[string]struct {
		request string
		most    int // answers
	}{
		"two lengths":                      {fmt.Sprintf("POST /api/p/echo HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nContent-Length: %d\r\n\r\n%s", len(inner), inner), 1},
		"two lengths in one":               {fmt.Sprintf("POST /api/p/echo HTTP/1.1\r\nHost: x\r\nContent-Length: 0, %d\r\n\r\n%s", len(inner), inner), 1},
		"a negative length":                {"POST /api/p/echo HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n" + inner, 1},
		"a length with a sign":             {fmt.Sprintf("POST /api/p/echo HTTP/1.1\r\nHost: x\r\nContent-Length: +%d\r\n\r\n%s", len(inner), inner), 1},
		"a coding that nobody knows":       {"POST /api/p/echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\n\r\n" + inner, 1},
		"two codings":                      {"POST /api/p/echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n" + inner, 1},
		"a blank before the colon":         {fmt.Sprintf("POST /api/p/echo HTTP/1.1\r\nHost: x\r\nContent-Length : %d\r\n\r\n%s", len(inner), inner), 1},
		"a folded header":                  {"POST /api/p/echo HTTP/1.1\r\nHost: x\r\nX-A: b\r\n Content-Length: 0\r\nContent-Length: " + fmt.Sprint(len(inner)) + "\r\n\r\n" + inner, 1},
		"a length in a body of chunks":     {fmt.Sprintf("POST /api/p/echo HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", len(inner), inner), 1},
		"a chunk longer than it says":      {"POST /api/p/echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab" + inner, 1},
		"a chunk of negative size":         {"POST /api/p/echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n" + inner, 1},
		"a chunk of odd size":              {"POST /api/p/echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0x0\r\n\r\n" + inner, 1},
		"a line end in a header":           {"GET /api/p/echo HTTP/1.1\r\nHost: x\r\nX-A: a\rGET /api/p/admin HTTP/1.1\r\n\r\n", 1},
		"no host":                          {"GET /api/p/echo HTTP/1.1\r\n\r\n" + inner, 1},
		"two hosts":                        {"GET /api/p/echo HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n" + inner, 1},
		"a host that is none":              {"GET /api/p/echo HTTP/1.1\r\nHost: x/../y z\r\n\r\n" + inner, 1},
		"an upgrade that is not done":      {"GET /api/p/echo HTTP/1.1\r\nHost: x\r\nUpgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\nContent-Length: " + fmt.Sprint(len(inner)) + "\r\n\r\n" + inner, 1},
		"a body that announces the next":   {fmt.Sprintf("GET /api/p/echo HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", len(inner), inner), 1},
		"a refused body that is a request": {"POST /api/p/echo HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n" + inner, 1},
	} {
		t.Run(name, func(t *testing.T) {
			conn := dial(t, address)
			before := admin.Load()
			send(conn, tc.request)
			if got := statuses(t, conn, 150*time.Millisecond); len(got) > tc.most {
				t.Errorf("answers %v, want at most %d", got, tc.most)
			}
			if admin.Load() != before {
				t.Error("the inner request was carried out")
			}
		})
	}
	conn := dial(t, address)
	send(conn, "GET /api/p/echo HTTP/1.1\r\nHost: x\r\n\r\n"+strings.Replace(inner, "Host: x", "Host: x\r\nConnection: close", 1))
	if got := statuses(t, conn, 15*time.Second); len(got) != 2 || admin.Load() != 1 {
		t.Errorf("two requests that are two have the answers %v", got)
	}
}
