package httpx_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"testing"
	"time"

	"github.com/stagedoor/stagedoor/internal/httpx"
)

func TestServer_SpeaksTLSWithACertificate(t *testing.T) {
	t.Parallel()
	cert, key, err := httpx.SelfSigned("127.0.0.1", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	root := newRoot(t, httpx.RootOptions{})
	root.Started()
	srv := httpx.NewServer(root, httpx.ServerOptions{Host: "127.0.0.1", CertPEM: cert, KeyPEM: key})
	ctx, stop := context.WithCancel(t.Context())
	addr, err := srv.Listen(ctx)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- srv.Run(ctx) }()
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(cert)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, ForceAttemptHTTP2: true}}
	resp, err := client.Get("https://" + addr.String() + "/.backstage/health/v1/readiness")
	if err != nil {
		t.Fatal(err)
	}
	if err := resp.Body.Close(); err != nil || resp.StatusCode != 200 {
		t.Errorf("got %d, %v", resp.StatusCode, err)
	}
	client.CloseIdleConnections()
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
