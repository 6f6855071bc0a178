package portal_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/stagedoor/stagedoor/portal"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"stagedoor": func() { os.Exit(portal.Main("test")) },
		"xdg-open":  fakeBrowser,
	})
}

// TestCommands runs the stories in testdata/script over the real command.
func TestCommands(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"backstage": backstage,
			"portal":    startPortal,
		},
	})
}

// backstage starts a server that has the locations named by its arguments
// registered, checks the token, and sets BACKSTAGE to its URL.
func backstage(ts *testscript.TestScript, _ bool, targets []string) {
	type location struct {
		Data map[string]string `json:"data"`
	}
	list := make([]location, 0, len(targets))
	for _, target := range targets {
		list = append(list, location{map[string]string{"id": "x", "type": "url", "target": target}})
	}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Header.Get("Authorization") != "Bearer good-token":
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = w.Write([]byte(`{"error":{"name":"AuthenticationError","message":"Illegal token"}}`))
		case r.Method != http.MethodGet || r.URL.Path != "/api/catalog/locations":
			w.WriteHeader(http.StatusNotFound)
		default:
			_ = json.NewEncoder(w).Encode(list)
		}
	}))
	ts.Defer(srv.Close)
	ts.Setenv("BACKSTAGE", srv.URL)
}
