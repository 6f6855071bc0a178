package token_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/stagedoor/stagedoor/identity/internal/token"
)

// TestPlugin_IsAcceptedByBackstage has Backstage's own code, from its npm
// packages, verify what we sign for calls of its plugins.
func TestPlugin_IsAcceptedByBackstage(t *testing.T) {
	t.Parallel()
	e2e, err := filepath.Abs("../../../e2e")
	if err != nil {
		t.Fatal(err)
	}
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("SKIP: there is no node to run Backstage's code with")
	}
	if _, err := os.Stat(filepath.Join(e2e, "node_modules", "@backstage", "backend-defaults")); err != nil {
		t.Skip("SKIP: Backstage's packages are not installed (npm ci in e2e)")
	}
	keys := newMemoryKeys()
	issuer, successor := replica(keys, time.Now, hour), replica(keys, time.Now, hour)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/api/search/.backstage/auth/v1/jwks.json" && r.URL.Path != "/api/auth/.well-known/jwks.json" {
			http.NotFound(w, r)
			return
		}
		raw, err := issuer.JWKS(r.Context())
		if err != nil {
			t.Error(err)
		}
		_, _ = w.Write(raw)
	}))
	defer server.Close()

	user, err := issuer.User(t.Context(), token.User{Ref: "user:default/jane"})
	if err != nil {
		t.Fatal(err)
	}
	sign := func(i *token.Issuer, c token.Call) string {
		t.Helper()
		issued, err := i.Plugin(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		return issued.Token
	}
	alone := sign(issuer, token.Call{Source: "search", Target: "catalog"})
	service := map[string]any{"principal": map[string]any{"type": "service", "subject": "plugin:search"}}
	refused := map[string]any{"refused": "Failed plugin token verification"}
	cases := []struct {
		name, token string
		want        any
	}{
		{"for itself", alone, service},
		{"of another replica", sign(successor, token.Call{Source: "search", Target: "catalog"}), service},
		{"for a user", sign(issuer, token.Call{Source: "search", Target: "catalog", OnBehalfOf: user.Token}), map[string]any{"principal": map[string]any{
			"type": "user", "userEntityRef": "user:default/jane", "actor": map[string]any{"type": "service", "subject": "plugin:search"},
		}}},
		{"for another plugin", sign(issuer, token.Call{Source: "search", Target: "scaffolder"}), refused},
		{"forged", alone[:strings.LastIndexByte(alone, '.')+1] + strings.Repeat("A", 86), refused},
	}
	var tokens, complaints strings.Builder
	for _, tc := range cases {
		tokens.WriteString(tc.token + "\n")
	}
	cmd := exec.CommandContext(t.Context(), node, filepath.Join(e2e, "backstage-auth.mjs"), "verify", server.URL, "catalog")
	cmd.Stdin, cmd.Stderr = strings.NewReader(tokens.String()), &complaints
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, complaints.String())
	}
	answers := json.NewDecoder(bytes.NewReader(out))
	for _, tc := range cases {
		var got any
		if err := answers.Decode(&got); err != nil {
			t.Fatalf("%s: %v: %s", tc.name, err, out)
		}
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tc.name, diff)
		}
	}
}
