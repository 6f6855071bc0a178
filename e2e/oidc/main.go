// Command oidc serves a real OpenID provider for browser tests and for trying
// sign-in out. It prints its issuer URL on standard output and runs until it is
// interrupted.
//
//	go run ./e2e/oidc -users users.json -redirect http://localhost:7007/api/auth/oidc/handler/frame
//
// users.json is a list of {"username", "password", "email", "name", "sub"}.
//
// What not: it is no identity provider to keep anything safe with.
//
// Start reading at [run].
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/stagedoor/stagedoor/e2e/oidc/issuer"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "oidc:", err)
		os.Exit(1) //nolint:gocritic // stop has nothing left to do
	}
}

// run serves until ctx ends.
func run(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("oidc", flag.ContinueOnError)
	listen := flags.String("listen", "127.0.0.1:0", "address to listen on")
	users := flags.String("users", "", "file with the users, a JSON list of {username, password, email, name, sub}")
	id := flags.String("client-id", "stagedoor", "client id of the portal")
	secret := flags.String("client-secret", "stagedoor-secret", "client secret of the portal")
	redirects := flags.String("redirect", "http://localhost:7007/api/auth/oidc/handler/frame", "callback URLs of the portal, separated by commas")
	if err := flags.Parse(args); err != nil {
		return err
	}
	options := issuer.Options{ClientID: *id, ClientSecret: *secret, RedirectURIs: strings.Split(*redirects, ",")}
	if *users == "" {
		return errors.New("-users is missing")
	}
	raw, err := os.ReadFile(*users)
	if err != nil {
		return fmt.Errorf("read users: %w", err)
	}
	if err := json.Unmarshal(raw, &options.Users); err != nil {
		return fmt.Errorf("read users: %s: %w", *users, err)
	}
	var config net.ListenConfig
	l, err := config.Listen(ctx, "tcp", *listen)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	host := strings.Replace(l.Addr().String(), "127.0.0.1", "localhost", 1)
	made, err := issuer.New("http://"+host, options)
	if err != nil {
		return errors.Join(err, l.Close())
	}
	server := &http.Server{Handler: made, ReadHeaderTimeout: 10 * time.Second}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(l) }()
	if _, err := fmt.Fprintln(out, "http://"+host); err != nil {
		return errors.Join(err, server.Close())
	}
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
		return server.Close()
	}
}
