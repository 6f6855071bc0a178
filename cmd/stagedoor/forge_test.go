package main

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/stagedoor/stagedoor/internal/config"
	"github.com/stagedoor/stagedoor/internal/telemetry"
	"github.com/stagedoor/stagedoor/portal"
)

const (
	webhookSecret = "the-secret-of-the-webhook"
	serviceToken  = "the-token-of-the-test"
)

// forge is a small GitHub with one organisation. It keeps the files of its
// repositories and counts what was read.
type forge struct {
	*httptest.Server
	mu    sync.Mutex
	files map[string]string
	reads []string
}

func startForge(t *testing.T) *forge {
	t.Helper()
	f := &forge{files: map[string]string{}}
	f.Server = httptest.NewServer(http.HandlerFunc(f.serve))
	t.Cleanup(f.Close)
	return f
}

// set changes the catalog file of a repository.
func (f *forge) set(repo, lifecycle string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.files[repo] = fmt.Sprintf("apiVersion: backstage.io/v1alpha1\nkind: Component\nmetadata: {name: %s}\nspec: {type: service, lifecycle: %s, owner: eng}\n", repo, lifecycle)
}

// read returns the repositories whose files were read since the last call.
func (f *forge) read() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := f.reads
	f.reads = nil
	slices.Sort(out)
	return out
}

func (f *forge) serve(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	switch {
	case r.URL.Path == "/api/graphql":
		f.graphQL(w, r)
	case len(parts) == 7 && parts[5] == "contents" && f.files[parts[4]] != "":
		sum := sha256.Sum256([]byte(f.files[parts[4]]))
		etag := `"` + hex.EncodeToString(sum[:]) + `"`
		f.reads = append(f.reads, parts[4])
		w.Header().Set("ETag", etag)
		if r.Header.Get("If-None-Match") == etag {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		w.Header().Set("Content-Type", "application/vnd.github.raw+json; charset=utf-8")
		_, _ = io.WriteString(w, f.files[parts[4]])
	case len(parts) == 6 && parts[5] == "commits":
		_, _ = io.WriteString(w, `[{"sha": "c0ffee", "commit": {"committer": {"date": "2026-01-02T03:04:05Z"}}}]`)
	default:
		http.NotFound(w, r)
	}
}

func (f *forge) graphQL(w http.ResponseWriter, r *http.Request) {
	var query struct {
		Query string `json:"query"`
	}
	if err := json.NewDecoder(r.Body).Decode(&query); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	const last = `"pageInfo": {"hasNextPage": false}`
	switch {
	case strings.Contains(query.Query, "repositoryOwner"):
		var nodes []string
		for repo := range f.files {
			nodes = append(nodes, fmt.Sprintf(`{"name": %q, "url": "%s/acme/%s", "visibility": "PUBLIC", "defaultBranchRef": {"name": "main"}, "repositoryTopics": {"nodes": []}}`, repo, f.URL, repo))
		}
		_, _ = fmt.Fprintf(w, `{"data": {"repositoryOwner": {"repositories": {%s, "nodes": [%s]}}}}`, last, strings.Join(nodes, ","))
	case strings.Contains(query.Query, "membersWithRole"):
		_, _ = fmt.Fprintf(w, `{"data": {"organization": {"membersWithRole": {%s, "nodes": [{"id": "U1", "login": "ann", "name": "Ann"}]}}}}`, last)
	default:
		_, _ = fmt.Fprintf(w, `{"data": {"organization": {"teams": {%s, "nodes": [{"slug": "eng", "name": "Engineering", "members": {%s, "nodes": [{"login": "ann"}]}}]}}}}`, last, last)
	}
}

// repository is the repository of an event.
func (f *forge) repository(name string) map[string]any {
	return map[string]any{"name": name, "html_url": f.URL + "/acme/" + name, "default_branch": "main", "visibility": "public", "owner": map[string]any{"login": "acme"}}
}

// served is a running portal.
type served struct {
	t    *testing.T
	base string
}

// serve runs a portal with the providers of the forge until the test ends.
func serve(t *testing.T, f *forge) *served {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := listener.Addr().(*net.TCPAddr).Port
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	s := &served{t: t, base: fmt.Sprintf("http://127.0.0.1:%d", port)}
	host := f.Listener.Addr().String()
	file := filepath.Join(t.TempDir(), "app-config.yaml")
	if err := os.WriteFile(file, fmt.Appendf(nil, `
app: {baseUrl: %[1]q}
backend:
  baseUrl: %[1]q
  listen: {host: 127.0.0.1, port: %[2]d}
  database: {client: better-sqlite3, connection: ":memory:"}
  auth: {externalAccess: [{type: static, options: {token: %[3]q, subject: test}}]}
integrations: {github: [{host: %[4]q, apiBaseUrl: "http://%[4]s/api/v3", token: t}]}
events: {modules: {github: {webhookSecret: %[5]q}}}
catalog:
  rules: [{allow: [Component, User, Group, Location]}]
  providers:
    github: {acme: {host: %[4]q, organization: acme}}
    githubOrg: {githubUrl: "http://%[4]s", orgs: [acme]}
`, s.base, port, serviceToken, host, webhookSecret), 0o600); err != nil {
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
	p, err := portal.Open(ctx, portal.Options{
		Config: watcher, Telemetry: tel, Clock: time.Now, NewID: uuid.NewString, Logger: tel.Logger, Version: "test",
		Plugins: shipped(),
	})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- p.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("portal: %v", err)
		}
		if err := p.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
		if err := shutdown(context.Background()); err != nil {
			t.Errorf("end telemetry: %v", err)
		}
	})
	return s
}

// lifecycles returns the lifecycle of each component.
func (s *served) lifecycles() string {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, s.base+"/api/catalog/entities?filter=kind=component", nil)
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+serviceToken)
	status, body := s.do(req)
	if status != http.StatusOK {
		return ""
	}
	var all []struct {
		Metadata  struct{ Name string }
		Spec      struct{ Lifecycle string }
		Relations []struct{ Type, TargetRef string }
	}
	if err := json.Unmarshal(body, &all); err != nil {
		s.t.Fatal(err)
	}
	var out []string
	for _, e := range all {
		line := e.Metadata.Name + " " + e.Spec.Lifecycle
		for _, r := range e.Relations {
			line += " " + r.Type + " " + r.TargetRef
		}
		out = append(out, line)
	}
	slices.Sort(out)
	return strings.Join(out, "\n")
}

// event sends an event with a signature made with the secret.
func (s *served) event(kind, secret string, body map[string]any) int {
	s.t.Helper()
	raw, err := json.Marshal(body)
	if err != nil {
		s.t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(s.t.Context(), http.MethodPost, s.base+"/api/events/http/github", bytes.NewReader(raw))
	if err != nil {
		s.t.Fatal(err)
	}
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(raw)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-GitHub-Event", kind)
	req.Header.Set("X-Hub-Signature-256", "sha256="+hex.EncodeToString(mac.Sum(nil)))
	status, _ := s.do(req)
	return status
}

func (s *served) do(req *http.Request) (int, []byte) {
	s.t.Helper()
	client := &http.Client{Timeout: 20 * time.Second}
	defer client.CloseIdleConnections()
	res, err := client.Do(req)
	if err != nil {
		return 0, nil // it does not listen yet
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return res.StatusCode, body
}

// until waits for what happens in the background of another process's request.
func (s *served) until(want string) {
	s.t.Helper()
	got := ""
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if got = s.lifecycles(); got == want {
			return
		}
	}
	s.t.Fatalf("the catalog holds\n%s\nwant\n%s", got, want)
}

func TestGitHub_FromTheOrganisationToThePushedChange(t *testing.T) {
	t.Parallel()
	f := startForge(t)
	f.set("cart", "production")
	f.set("pay", "production")
	s := serve(t, f)
	const owned = " ownedBy group:default/eng"
	s.until("cart production" + owned + "\npay production" + owned)

	f.read()
	f.set("cart", "deprecated")
	f.set("pay", "unpushed")
	push := map[string]any{
		"ref": "refs/heads/main", "after": "c0ffee", "repository": f.repository("cart"),
		"commits": []any{map[string]any{"added": []any{}, "modified": []any{"catalog-info.yaml"}, "removed": []any{}}},
	}
	if status := s.event("push", "guessed", push); status != http.StatusForbidden {
		t.Errorf("a forged push: %d", status)
	}
	if status := s.event("push", webhookSecret, push); status != http.StatusAccepted {
		t.Fatalf("a push: %d", status)
	}
	s.until("cart deprecated" + owned + "\npay production" + owned)
	if got := f.read(); !slices.Equal(got, []string{"cart"}) {
		t.Errorf("the push to cart read the files of %v", got)
	}

	if status := s.event("repository", webhookSecret, map[string]any{"action": "deleted", "repository": f.repository("pay")}); status != http.StatusAccepted {
		t.Fatalf("a deleted repository: %d", status)
	}
	s.until("cart deprecated" + owned)

	f.set("ship", "experimental")
	push["repository"] = f.repository("ship")
	push["commits"] = []any{map[string]any{"added": []any{"catalog-info.yaml"}}}
	if status := s.event("push", webhookSecret, push); status != http.StatusAccepted {
		t.Fatalf("a push of a new file: %d", status)
	}
	s.until("cart deprecated" + owned + "\nship experimental" + owned)
}
