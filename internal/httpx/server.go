package httpx

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/stagedoor/stagedoor/internal/fault"
)

// ServerOptions say where and how to listen. Zero values are defaults.
type ServerOptions struct {
	Host string // default: all addresses
	Port int    // 0 is any free port
	// CertPEM and KeyPEM turn on TLS.
	CertPEM, KeyPEM []byte
	// HeaderTimeout bounds reading the headers, RequestTimeout the whole
	// request, IdleTimeout the wait for the next one. Defaults: 60 s, 300 s
	// and 75 s. Answers have no time-out, since event streams last, but a
	// client that takes nothing of one for StallTimeout is cut; default 60 s.
	HeaderTimeout, RequestTimeout, IdleTimeout, StallTimeout time.Duration
	// MaxHeaderBytes bounds the request's headers; default 64 KiB, which holds
	// the largest token and the cookies of several sign-ins.
	MaxHeaderBytes int
	// ShutdownDelay is how long the server goes on after readiness turned to
	// 503, so that balancers notice; default none.
	ShutdownDelay time.Duration
	// ShutdownTimeout is how long running requests may take to finish;
	// default 10 s.
	ShutdownTimeout time.Duration
	// Root is told when the server stops. Set it when the handler is not a
	// [Root] but wraps one.
	Root   *Root
	Logger *slog.Logger
}

// Server is the HTTP server as an actor. Build it with [NewServer].
type Server struct {
	opts    ServerOptions
	handler http.Handler
	once    sync.Once
	ln      net.Listener
	lnErr   error
}

// NewServer returns a server for the handler.
func NewServer(handler http.Handler, opts ServerOptions) *Server {
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	if root, ok := handler.(*Root); ok && opts.Root == nil {
		opts.Root = root
	}
	defaults := []struct {
		value *time.Duration
		unset time.Duration
	}{
		{&opts.HeaderTimeout, time.Minute},
		{&opts.RequestTimeout, 5 * time.Minute},
		{&opts.IdleTimeout, 75 * time.Second},
		{&opts.StallTimeout, time.Minute},
		{&opts.ShutdownTimeout, 10 * time.Second},
	}
	for _, d := range defaults {
		if *d.value == 0 {
			*d.value = d.unset
		}
	}
	if opts.MaxHeaderBytes == 0 {
		opts.MaxHeaderBytes = 64 << 10
	}
	return &Server{opts: opts, handler: handler}
}

// Listen opens the port and returns its address, so that a caller can know it
// before [Server.Run]. Further calls return the same. It returns an error with
// code unavailable when the port is taken, and invalid for a bad certificate.
func (s *Server) Listen(ctx context.Context) (net.Addr, error) {
	s.once.Do(func() {
		var config net.ListenConfig
		address := net.JoinHostPort(s.opts.Host, strconv.Itoa(s.opts.Port))
		ln, err := config.Listen(ctx, "tcp", address)
		if err != nil {
			s.lnErr = fault.Wrap(fault.Unavailable, err, "listen on "+address)
			return
		}
		ln = stallListener{ln, s.opts.StallTimeout}
		if len(s.opts.CertPEM) > 0 {
			cert, err := tls.X509KeyPair(s.opts.CertPEM, s.opts.KeyPEM)
			if err != nil {
				s.lnErr = errors.Join(fault.Wrap(fault.Invalid, err, "read the server's certificate"), ln.Close())
				return
			}
			ln = tls.NewListener(ln, &tls.Config{
				Certificates: []tls.Certificate{cert}, NextProtos: []string{"h2", "http/1.1"}, MinVersion: tls.VersionTLS12,
			})
		}
		s.ln = ln
	})
	if s.lnErr != nil {
		return nil, s.lnErr
	}
	return s.ln.Addr(), nil
}

// Run listens and serves until ctx ends. Then readiness turns to 503, the
// delay passes, running requests finish, and those that do not within the
// time-out are cut. It returns nil after an orderly end.
func (s *Server) Run(ctx context.Context) error {
	addr, err := s.Listen(ctx)
	if err != nil {
		return err
	}
	srv := &http.Server{
		Handler:           s.handler,
		ReadHeaderTimeout: s.opts.HeaderTimeout,
		ReadTimeout:       s.opts.RequestTimeout,
		IdleTimeout:       s.opts.IdleTimeout,
		MaxHeaderBytes:    s.opts.MaxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(s.opts.Logger.Handler(), slog.LevelDebug),
	}
	// Requests live on while the server stops; event streams end at its end.
	base, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	srv.BaseContext = func(net.Listener) context.Context { return base }

	served := make(chan error, 1)
	go func() { served <- srv.Serve(s.ln) }()
	s.opts.Logger.InfoContext(ctx, "listening", "address", addr.String())
	select {
	case err := <-served:
		return fmt.Errorf("serve on %s: %w", addr, err)
	case <-ctx.Done():
	}
	return s.stop(base, srv, served)
}

func (s *Server) stop(ctx context.Context, srv *http.Server, served <-chan error) error {
	if s.opts.Root != nil {
		s.opts.Root.Stopping()
	}
	if s.opts.ShutdownDelay > 0 {
		timer := time.NewTimer(s.opts.ShutdownDelay)
		defer timer.Stop()
		<-timer.C
	}
	if s.opts.Root != nil {
		s.opts.Root.stop()
	}
	deadline, cancel := context.WithTimeout(ctx, s.opts.ShutdownTimeout)
	defer cancel()
	err := srv.Shutdown(deadline)
	if errors.Is(err, context.DeadlineExceeded) {
		s.opts.Logger.WarnContext(ctx, "requests were still running and are cut")
		err = srv.Close()
	}
	if serveErr := <-served; !errors.Is(serveErr, http.ErrServerClosed) {
		err = errors.Join(err, serveErr)
	}
	if err != nil {
		return fmt.Errorf("stop the server: %w", err)
	}
	return nil
}
