package portal_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/stagedoor/stagedoor/internal/config"
	"github.com/stagedoor/stagedoor/internal/db/dbtest"
	"github.com/stagedoor/stagedoor/internal/telemetry"
	"github.com/stagedoor/stagedoor/portal"
)

// replica is a whole portal, served on a port of its own.
type replica struct {
	t    *testing.T
	base string
}

// startReplica opens and runs a portal over the database until the test ends.
func startReplica(t *testing.T, dsn string, locations ...string) *replica {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := listener.Addr().(*net.TCPAddr).Port
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	r := &replica{t: t, base: fmt.Sprintf("http://localhost:%d", port)}
	items := make([]map[string]string, 0, len(locations))
	for _, l := range locations {
		items = append(items, map[string]string{"type": "file", "target": l})
	}
	raw, err := json.Marshal(map[string]any{
		"app":     map[string]any{"baseUrl": r.base},
		"backend": map[string]any{"baseUrl": r.base, "listen": map[string]any{"host": "127.0.0.1", "port": port}, "database": map[string]any{"client": "pg", "connection": dsn}},
		"auth":    map[string]any{"providers": map[string]any{"guest": map[string]any{"userEntityRef": "user:default/guest"}}},
		"catalog": map[string]any{"locations": items},
	})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "app-config.yaml")
	if err := os.WriteFile(file, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background()) // ends in the cleanup, after the test's own
	tel, shutdown, err := telemetry.Setup(ctx, telemetry.Options{Output: io.Discard, Getenv: func(string) string { return "" }})
	if err != nil {
		t.Fatal(err)
	}
	watcher, err := config.NewWatcher(ctx, config.Sources{Paths: []string{file}}, config.WatchOptions{})
	if err != nil {
		t.Fatal(err)
	}
	p, err := portal.Open(ctx, portal.Options{Config: watcher, Telemetry: tel, Clock: time.Now, NewID: uuid.NewString, Logger: tel.Logger, Version: "test"})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- p.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("replica %s: %v", r.base, err)
		}
		if err := p.Close(); err != nil {
			t.Errorf("close %s: %v", r.base, err)
		}
		if err := shutdown(context.Background()); err != nil {
			t.Errorf("end telemetry: %v", err)
		}
	})
	r.until("ready", func() bool {
		status, _ := r.call(http.MethodGet, "/.backstage/health/v1/readiness", "", nil)
		return status == http.StatusOK
	})
	return r
}

// call makes a request; a portal that does not listen yet answers 0.
func (r *replica) call(method, path, token string, body any) (int, []byte) {
	r.t.Helper()
	raw, err := json.Marshal(body)
	if err != nil {
		r.t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(r.t.Context(), method, r.base+path, bytes.NewReader(raw))
	if err != nil {
		r.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	client := &http.Client{Timeout: 20 * time.Second}
	defer client.CloseIdleConnections()
	res, err := client.Do(req)
	if err != nil {
		return 0, nil
	}
	defer func() { _ = res.Body.Close() }()
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return res.StatusCode, answer
}

func (r *replica) until(what string, ok func() bool) time.Duration {
	r.t.Helper()
	began := time.Now()
	for !ok() {
		if time.Since(began) > 30*time.Second {
			r.t.Fatalf("%s: waited in vain for: %s", r.base, what)
		}
		time.Sleep(2 * time.Millisecond) // a process boundary: there is nothing to wait on
	}
	return time.Since(began)
}

func (r *replica) token() string {
	r.t.Helper()
	_, answer := r.call(http.MethodGet, "/api/auth/guest/refresh", "", nil)
	var session struct {
		Identity struct{ Token string } `json:"backstageIdentity"`
	}
	if err := json.Unmarshal(answer, &session); err != nil || session.Identity.Token == "" {
		r.t.Fatalf("sign in: %s", answer)
	}
	return session.Identity.Token
}

func component(name, description string) map[string]any {
	return map[string]any{
		"apiVersion": "backstage.io/v1alpha1", "kind": "Component",
		"metadata": map[string]any{"name": name, "description": description},
		"spec":     map[string]any{"type": "service", "lifecycle": "production", "owner": "group:default/team"},
	}
}

func TestReplicas_ShareTokensWritesAndWork(t *testing.T) {
	t.Parallel()
	dsn := dbtest.PostgresDSN(t)
	dir := t.TempDir()
	file := filepath.Join(dir, "catalog-info.yaml")
	write := func(description string) {
		t.Helper()
		raw, err := json.Marshal(component("from-file", description))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, raw, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("first")
	one, two := startReplica(t, dsn, file), startReplica(t, dsn, file)
	token := one.token()
	has := func(r *replica, name, text string) func() bool {
		return func() bool {
			status, answer := r.call(http.MethodGet, "/api/catalog/entities/by-name/component/default/"+name, token, nil)
			return status == http.StatusOK && strings.Contains(string(answer), text)
		}
	}

	for _, r := range []*replica{one, two} {
		r.until("the entity of the file, read with the other replica's token", has(r, "from-file", "first"))
	}
	status, answer := one.call(http.MethodPut, "/api/catalog/entities?source=ci", token, map[string]any{"entities": []any{component("pushed", "by ci")}})
	if status != http.StatusOK {
		t.Fatalf("push: %d %s", status, answer)
	}
	if !has(one, "pushed", "by ci")() {
		t.Error("the replica that took the write does not read it at once")
	}
	if took := two.until("what the other replica took in", has(two, "pushed", "by ci")); took > time.Second {
		t.Errorf("the other replica saw the write after %v, want a second at the most", took)
	}
	write("second")
	for _, r := range []*replica{one, two} {
		if took := r.until("the changed file", has(r, "from-file", "second")); took > 2*time.Second {
			t.Errorf("%s saw the change after %v", r.base, took)
		}
	}
	etag := func(r *replica) any {
		_, answer := r.call(http.MethodGet, "/api/catalog/entities/by-name/component/default/from-file", token, nil)
		var e struct{ Metadata map[string]any }
		if err := json.Unmarshal(answer, &e); err != nil {
			t.Fatal(err)
		}
		return []any{e.Metadata["uid"], e.Metadata["etag"]}
	}
	if a, b := fmt.Sprint(etag(one)), fmt.Sprint(etag(two)); a != b {
		t.Errorf("the replicas disagree on uid and etag: %s and %s", a, b)
	}
}
