package gitlab_test

import (
	"fmt"
	"io/fs"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/stagedoor/stagedoor/integration/gitlab"
	"github.com/stagedoor/stagedoor/integration/internal/fail"
	"github.com/stagedoor/stagedoor/integration/internal/hosttest"
	"github.com/stagedoor/stagedoor/plugin"
)

type object = map[string]any

// start initialises the plugin with one host, which is the fake.
func start(t *testing.T, forge *hosttest.Forge, more string) *hosttest.Portal {
	t.Helper()
	if more != "" {
		more = ", " + more
	}
	p := hosttest.New(t, fmt.Sprintf(`{"integrations": {"gitlab": [{"host": %q, "baseUrl": %q, "token": "glpat-x", "retry": {"maxRetries": 0}}]}%s}`,
		forge.Host, forge.URL, more))
	if err := (gitlab.Plugin{}).Init(t.Context(), p.Host); err != nil {
		t.Fatal(err)
	}
	return p
}

func code(t *testing.T, err error, want string) {
	t.Helper()
	if fail.Code(err) != want {
		t.Errorf("code %q, want %q: %v", fail.Code(err), want, err)
	}
}

func TestRead_GivesContentETagAndCommit(t *testing.T) {
	t.Parallel()
	forge := hosttest.Serve(t)
	p := start(t, forge, "")
	forge.On("GET /api/v4/projects/g%2Fsub%2Fp/repository/files/dir%2Fa.yaml/raw?ref=main", forge.With("Authorization", "Bearer glpat-x",
		forge.With("Private-Token", "", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-Gitlab-Last-Commit-Id", "c0ffee")
			hosttest.Text("text/plain", `W/"e1"`, "kind: X")(w, r)
		})))
	for _, target := range []string{"/g/sub/p/-/blob/main/dir/a.yaml", "/g/sub/p/blob/main/dir/a.yaml", "/g/sub/p/-/raw/main/dir/a.yaml", "/g/sub/p/-/blob/refs/heads/main/dir/a.yaml"} {
		got, err := p.Read(t, forge.URL+target, plugin.ReadOptions{})
		want := plugin.File{URL: forge.URL + target, Data: []byte("kind: X"), ETag: `W/"e1"`, Revision: "c0ffee"}
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%s: %v (-want +got)\n%s", target, err, diff)
		}
	}
	_, err := p.Read(t, forge.URL+"/g/sub/p/-/blob/main/dir/a.yaml", plugin.ReadOptions{ETag: `W/"e1"`})
	code(t, err, fail.NotModified)
}

func TestRead_FindsBranchesWithSlashes(t *testing.T) {
	t.Parallel()
	forge := hosttest.Serve(t)
	p := start(t, forge, "")
	forge.On("GET /api/v4/projects/g%2Fp/repository/files/x%2Fa.yaml/raw?ref=feature", hosttest.Status(404, "404 Commit Not Found"))
	forge.On("GET /api/v4/projects/g%2Fp/repository/branches?page=1&per_page=100&search=%5Efeature%2F", hosttest.JSON([]any{object{"name": "feature/x"}}))
	forge.On("GET /api/v4/projects/g%2Fp/repository/tags?page=1&per_page=100&search=%5Efeature%2F", hosttest.JSON([]any{}))
	forge.On("GET /api/v4/projects/g%2Fp/repository/files/a.yaml/raw?ref=feature%2Fx", hosttest.Text("text/plain", "", "x"))
	got, err := p.Read(t, forge.URL+"/g/p/-/blob/feature/x/a.yaml", plugin.ReadOptions{})
	if err != nil || string(got.Data) != "x" {
		t.Fatalf("got %+v, %v", got, err)
	}
	if info := p.Describe(t, forge.URL+"/g/p/-/blob/feature/x/a.yaml"); info.Branch != "feature/x" || info.Path != "a.yaml" {
		t.Errorf("got %+v", info)
	}
}

func TestRead_SaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		answer http.HandlerFunc
		want   string
	}{
		"a token that is not accepted": {hosttest.Status(401, "401 Unauthorized"), fail.Forbidden},
		"a token that may not":         {hosttest.Status(403, "403 Forbidden"), fail.Forbidden},
		"a file that is too large":     {hosttest.Bytes("text/plain", make([]byte, 10<<20+1)), fail.TooLarge},
		"a server error":               {hosttest.Status(502, "oops"), fail.Unavailable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			forge := hosttest.Serve(t)
			p := start(t, forge, "")
			forge.On("GET /api/v4/projects/g%2Fp/repository/files/a.yaml/raw?ref=main", tc.answer)
			_, err := p.Read(t, forge.URL+"/g/p/-/blob/main/a.yaml", plugin.ReadOptions{})
			code(t, err, tc.want)
		})
	}
	forge := hosttest.Serve(t)
	p := start(t, forge, "")
	for _, path := range []string{"/", "/g", "/g/p", "/g/p/-/issues/1", "/g/p/-/blob/main", "/g/p/-/blob"} {
		_, err := p.Read(t, forge.URL+path, plugin.ReadOptions{})
		if c := fail.Code(err); c != fail.Invalid {
			t.Errorf("%s: code %q: %v", path, c, err)
		}
	}
}

func TestRead_ASpentRateLimitIsSaidAndKept(t *testing.T) {
	t.Parallel()
	forge := hosttest.Serve(t)
	p := start(t, forge, "")
	forge.On("GET /api/v4/projects/g%2Fp/repository/files/a.yaml/raw?ref=main", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("RateLimit-Remaining", "0")
		w.Header().Set("RateLimit-Reset", fmt.Sprint(hosttest.Now.Add(time.Minute).Unix()))
		hosttest.Status(429, "Retry later")(w, r)
	})
	for range 2 {
		_, err := p.Read(t, forge.URL+"/g/p/-/blob/main/a.yaml", plugin.ReadOptions{})
		code(t, err, fail.Unavailable)
		if err == nil || !strings.Contains(err.Error(), "2026-03-01T12:01:00Z") {
			t.Errorf("the error does not say until when: %v", err)
		}
	}
	if calls := forge.Calls(); len(calls) != 1 {
		t.Errorf("%d calls while GitLab wants none", len(calls))
	}
}

func TestDescribe(t *testing.T) {
	t.Parallel()
	p := hosttest.New(t, `{"integrations": {"gitlab": [{"host": "git.example", "baseUrl": "https://git.example/lab"}]}}`)
	if err := (gitlab.Plugin{}).Init(t.Context(), p.Host); err != nil {
		t.Fatal(err)
	}
	for target, want := range map[string]plugin.URLInfo{
		"https://gitlab.com/g/sub/p/-/blob/main/d/a.yaml": {
			Integration: "gitlab", Title: "gitlab.com", RepoURL: "https://gitlab.com/g/sub/p", Owner: "g/sub", Repo: "p", Branch: "main", Path: "d/a.yaml",
			EditURL: "https://gitlab.com/g/sub/p/-/edit/main/d/a.yaml", FolderURL: "https://gitlab.com/g/sub/p/-/tree/main/d/",
		},
		"https://gitlab.com/g/p/blob/main/a.yaml": {
			Integration: "gitlab", Title: "gitlab.com", RepoURL: "https://gitlab.com/g/p", Owner: "g", Repo: "p", Branch: "main", Path: "a.yaml",
			EditURL: "https://gitlab.com/g/p/edit/main/a.yaml", FolderURL: "https://gitlab.com/g/p/tree/main/",
		},
		"https://git.example/lab/g/tree/-/blob/main/a.yaml": {
			Integration: "gitlab", Title: "git.example", RepoURL: "https://git.example/lab/g/tree", Owner: "g", Repo: "tree", Branch: "main", Path: "a.yaml",
			EditURL: "https://git.example/lab/g/tree/-/edit/main/a.yaml", FolderURL: "https://git.example/lab/g/tree/-/tree/main/",
		},
		"https://gitlab.com/explore": {Integration: "gitlab", Title: "gitlab.com"},
		"https://gitlab.com/g/p":     {Integration: "gitlab", Title: "gitlab.com", RepoURL: "https://gitlab.com/g/p", Owner: "g", Repo: "p", FolderURL: "https://gitlab.com/g/p"},
	} {
		if diff := cmp.Diff(want, p.Describe(t, target)); diff != "" {
			t.Errorf("%s (-want +got)\n%s", target, diff)
		}
	}
}

func TestTree_UnpacksTheArchiveOfTheCommit(t *testing.T) {
	t.Parallel()
	forge := hosttest.Serve(t)
	p := start(t, forge, "")
	sha := strings.Repeat("1", 40)
	forge.On("GET /api/v4/projects/g%2Fp/repository/commits/main", hosttest.JSON(object{"id": sha}))
	forge.On("GET /api/v4/projects/g%2Fp/repository/archive.tar.gz?path=docs&sha="+sha, forge.With("Authorization", "Bearer glpat-x", hosttest.Bytes("application/octet-stream",
		hosttest.Tarball(hosttest.Entry{Name: "p-1-docs/docs/index.md", Body: "# Hi"}, hosttest.Entry{Name: "p-1-docs/docs/evil", Link: "/etc/passwd"}))))
	got, err := p.Tree(t, forge.URL+"/g/p/-/tree/main/docs", plugin.ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	names, err := fs.Glob(got.FS, "*")
	if diff := cmp.Diff([]string{"index.md"}, names); err != nil || diff != "" || got.Revision != sha {
		t.Errorf("%v %+v (-want +got)\n%s", err, got, diff)
	}
	_, err = p.Tree(t, forge.URL+"/g/p/-/tree/main/docs", plugin.ReadOptions{ETag: sha})
	code(t, err, fail.NotModified)
}

func TestSearch_ListsBelowTheFixedPartOfThePattern(t *testing.T) {
	t.Parallel()
	forge := hosttest.Serve(t)
	p := start(t, forge, "")
	sha := strings.Repeat("1", 40)
	forge.On("GET /api/v4/projects/g%2Fp/repository/commits/main", hosttest.JSON(object{"id": sha}))
	list := "GET /api/v4/projects/g%2Fp/repository/tree?"
	forge.On(list+"pagination=keyset&path=svc&per_page=100&recursive=true&ref="+sha, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Link", "<"+forge.URL+"/api/v4/x?page_token=t2>; rel=\"next\"")
		hosttest.JSON([]any{object{"id": "b1", "path": "svc/a/c.yaml", "type": "blob", "mode": "100644"}, object{"id": "t", "path": "svc/a", "type": "tree"}})(w, r)
	})
	forge.On(list+"page_token=t2&pagination=keyset&path=svc&per_page=100&recursive=true&ref="+sha, hosttest.JSON([]any{
		object{"id": "b2", "path": "svc/b/c.yaml", "type": "blob", "mode": "100644"}, object{"id": "b3", "path": "svc/b/d.yaml", "type": "blob", "mode": "100644"},
	}))
	forge.On("GET /api/v4/projects/g%2Fp/repository/blobs/b1/raw", hosttest.Text("text/plain", "", "one"))
	forge.On("GET /api/v4/projects/g%2Fp/repository/blobs/b2/raw", hosttest.Text("text/plain", "", "two"))
	got, err := p.Search(t, forge.URL+"/g/p/-/blob/main/svc/*/c.yaml", plugin.ReadOptions{})
	if err != nil || len(got) != 2 || got[1].URL != forge.URL+"/g/p/-/blob/main/svc/b/c.yaml" || string(got[1].Data) != "two" {
		t.Fatalf("got %+v, %v", got, err)
	}
	_, err = p.Search(t, forge.URL+"/g/p/-/blob/main/svc/*/c.yaml", plugin.ReadOptions{ETag: got[0].ETag})
	code(t, err, fail.NotModified)
}

func TestInit_RefusesBadSettings(t *testing.T) {
	t.Parallel()
	for name, config := range map[string]string{
		"no host":                    `{"integrations": {"gitlab": [{"token": "x"}]}}`,
		"a host twice":               `{"integrations": {"gitlab": [{"host": "x"}, {"host": "X"}]}}`,
		"a base URL that is none":    `{"integrations": {"gitlab": [{"host": "x", "apiBaseUrl": "x"}]}}`,
		"an unknown host":            `{"catalog": {"providers": {"gitlab": {"a": {"host": "x"}}}}}`,
		"org data without a group":   `{"catalog": {"providers": {"gitlab": {"a": {"host": "gitlab.com", "orgEnabled": true}}}}}`,
		"a bad regular expression":   `{"catalog": {"providers": {"gitlab": {"a": {"projectPattern": "("}}}}}`,
		"a bad group pattern":        `{"catalog": {"providers": {"gitlab": {"a": {"groupPattern": ["a", "("]}}}}}`,
		"a relation that is unknown": `{"catalog": {"providers": {"gitlab": {"a": {"relations": ["FRIENDS"]}}}}}`,
	} {
		p := hosttest.New(t, config)
		if err := (gitlab.Plugin{}).Init(t.Context(), p.Host); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
