package bitbucket_test

import (
	"encoding/base64"
	"fmt"
	"io/fs"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/stagedoor/stagedoor/integration/bitbucket"
	"github.com/stagedoor/stagedoor/integration/internal/fail"
	"github.com/stagedoor/stagedoor/integration/internal/hosttest"
	"github.com/stagedoor/stagedoor/plugin"
)

type object = map[string]any

func code(t *testing.T, err error, want string) {
	t.Helper()
	if fail.Code(err) != want {
		t.Errorf("code %q, want %q: %v", fail.Code(err), want, err)
	}
}

func start(t *testing.T, config string) *hosttest.Portal {
	t.Helper()
	p := hosttest.New(t, config)
	if err := (bitbucket.Plugin{}).Init(t.Context(), p.Host); err != nil {
		t.Fatal(err)
	}
	return p
}

// startCloud starts with the fake as Bitbucket Cloud.
func startCloud(t *testing.T, forge *hosttest.Forge, auth string) *hosttest.Portal {
	t.Helper()
	return start(t, fmt.Sprintf(`{"integrations": {"bitbucketCloud": [{"host": %q, "apiBaseUrl": %q %s}]}}`, forge.Host, forge.URL+"/2.0", auth))
}

func basic(user, password string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
}

func TestCloud_ReadsWithEachKindOfCredentials(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ auth, want string }{
		"an app password":             {`, "username": "u", "appPassword": "p"`, basic("u", "p")},
		"an API token of a user":      {`, "username": "u@x.example", "token": "t"`, basic("u@x.example", "t")},
		"an access token":             {`, "token": "t"`, "Bearer t"},
		"an OAuth client":             {`, "clientId": "id", "clientSecret": "s"`, "Bearer o1"},
		"nothing, for what is public": {"", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			forge := hosttest.Serve(t)
			p := startCloud(t, forge, tc.auth)
			forge.On("POST /site/oauth2/access_token", forge.With("Authorization", basic("id", "s"), func(w http.ResponseWriter, r *http.Request) {
				if r.FormValue("grant_type") != "client_credentials" {
					t.Errorf("grant type %q", r.FormValue("grant_type"))
				}
				hosttest.JSON(object{"access_token": "o1", "expires_in": 7200})(w, r)
			}))
			forge.On("GET /2.0/repositories/ws/r/src/main/dir/a.yaml", forge.With("Authorization", tc.want, hosttest.Text("text/plain", `"e"`, "kind: X")))
			forge.On("GET /2.0/repositories/ws/r/commits/main?pagelen=1&path=dir%2Fa.yaml", forge.With("Authorization", tc.want, hosttest.JSON(object{"values": []any{object{"hash": "c0ffee"}}})))
			target := forge.URL + "/ws/r/src/main/dir/a.yaml"
			got, err := p.Read(t, target, plugin.ReadOptions{})
			want := plugin.File{URL: target, Data: []byte("kind: X"), ETag: `"e"`, Revision: "c0ffee"}
			if diff := cmp.Diff(want, got); err != nil || diff != "" {
				t.Fatalf("%v (-want +got)\n%s", err, diff)
			}
			forge.Calls()
			_, err = p.Read(t, target, plugin.ReadOptions{ETag: `"e"`})
			code(t, err, fail.NotModified)
			if calls := forge.Calls(); len(calls) != 1 {
				t.Errorf("an unchanged file cost %v", calls)
			}
		})
	}
}

func TestCloud_RenewsTheTokenOfAnOAuthClient(t *testing.T) {
	t.Parallel()
	forge := hosttest.Serve(t)
	p := startCloud(t, forge, `, "clientId": "id", "clientSecret": "s"`)
	n := 0
	forge.On("POST /site/oauth2/access_token", func(w http.ResponseWriter, r *http.Request) {
		n++
		hosttest.JSON(object{"access_token": fmt.Sprintf("o%d", n), "expires_in": 7200})(w, r)
	})
	forge.On("GET /2.0/repositories/ws/r/src/main/a.yaml", hosttest.Text("text/plain", `"e"`, "x"))
	forge.On("GET /2.0/repositories/ws/r/commits/main?pagelen=1&path=a.yaml", hosttest.Status(500, ""))
	for range 2 {
		if _, err := p.Read(t, forge.URL+"/ws/r/src/main/a.yaml", plugin.ReadOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	p.Advance(2 * time.Hour)
	if _, err := p.Read(t, forge.URL+"/ws/r/src/main/a.yaml", plugin.ReadOptions{}); err != nil || n != 2 {
		t.Errorf("%d tokens, %v", n, err)
	}
	forge.On("POST /site/oauth2/access_token", hosttest.Status(401, "no"))
	p.Advance(2 * time.Hour)
	_, err := p.Read(t, forge.URL+"/ws/r/src/main/a.yaml", plugin.ReadOptions{})
	code(t, err, fail.Forbidden)
}

func TestCloud_TellsUnchangedContentWithoutAnETagOfBitbucket(t *testing.T) {
	t.Parallel()
	forge := hosttest.Serve(t)
	p := startCloud(t, forge, "")
	forge.On("GET /2.0/repositories/ws/r/src/main/a.yaml", forge.With("If-None-Match", "", hosttest.Text("text/plain", "", "x")))
	forge.On("GET /2.0/repositories/ws/r/commits/main?pagelen=1&path=a.yaml", hosttest.JSON(object{"values": []any{}}))
	got, err := p.Read(t, forge.URL+"/ws/r/src/main/a.yaml", plugin.ReadOptions{})
	if err != nil || !strings.HasPrefix(got.ETag, "content:") {
		t.Fatalf("got %+v, %v", got, err)
	}
	_, err = p.Read(t, forge.URL+"/ws/r/src/main/a.yaml", plugin.ReadOptions{ETag: got.ETag})
	code(t, err, fail.NotModified)
}

func TestCloud_FindsBranchesWithSlashes(t *testing.T) {
	t.Parallel()
	forge := hosttest.Serve(t)
	p := startCloud(t, forge, "")
	sha := strings.Repeat("1", 40)
	forge.On("GET /2.0/repositories/ws/r/src/feature/x/a.yaml", hosttest.Status(404, "no such commit"))
	forge.On("GET /2.0/repositories/ws/r/refs?pagelen=100&q=name+~+%22feature%2F%22", hosttest.JSON(object{
		"values": []any{object{"name": "old/feature/x"}}, "next": forge.URL + "/2.0/repositories/ws/r/refs?page=2",
	}))
	forge.On("GET /2.0/repositories/ws/r/refs?page=2", hosttest.JSON(object{"values": []any{object{"name": "feature/x"}}}))
	forge.On("GET /2.0/repositories/ws/r/refs?q=name+%3D+%22feature%2Fx%22", hosttest.JSON(object{"values": []any{object{"name": "feature/x", "target": object{"hash": sha}}}}))
	forge.On("GET /2.0/repositories/ws/r/src/"+sha+"/a.yaml", hosttest.Text("text/plain", "", "x"))
	forge.On("GET /2.0/repositories/ws/r/commits/"+sha+"?pagelen=1&path=a.yaml", hosttest.Status(500, ""))
	got, err := p.Read(t, forge.URL+"/ws/r/src/feature/x/a.yaml", plugin.ReadOptions{})
	if err != nil || string(got.Data) != "x" || got.Revision != sha {
		t.Errorf("got %+v, %v", got, err)
	}
}

// archive makes a repository with an archive.
func archive(forge *hosttest.Forge, sha string) {
	forge.On("GET /2.0/repositories/ws/r/commit/main", hosttest.JSON(object{"hash": sha}))
	forge.On("GET /2.0/repositories/ws/r", hosttest.JSON(object{"mainbranch": object{"name": "main"}}))
	forge.On("GET /ws/r/get/"+sha+".tar.gz", forge.With("Authorization", "Bearer t", hosttest.Bytes("application/x-tar", hosttest.Tarball(
		hosttest.Entry{Name: "ws-r-1/docs/index.md", Body: "# Hi"}, hosttest.Entry{Name: "ws-r-1/svc/a/c.yaml", Body: "a"}, hosttest.Entry{Name: "ws-r-1/link", Link: "/etc"},
	))))
}

func TestCloud_TreeAndSearchReadTheArchiveOfTheCommit(t *testing.T) {
	t.Parallel()
	forge := hosttest.Serve(t)
	p := startCloud(t, forge, `, "token": "t"`)
	sha := strings.Repeat("1", 40)
	archive(forge, sha)
	tree, err := p.Tree(t, forge.URL+"/ws/r/src/main/docs", plugin.ReadOptions{})
	if err != nil || tree.Revision != sha {
		t.Fatalf("got %+v, %v", tree, err)
	}
	if names, err := fs.Glob(tree.FS, "*"); err != nil || cmp.Diff([]string{"index.md"}, names) != "" {
		t.Errorf("got %v, %v", names, err)
	}
	if whole, err := p.Tree(t, forge.URL+"/ws/r", plugin.ReadOptions{}); err != nil || whole.Revision != sha {
		t.Errorf("the whole repository: %v", err)
	}
	_, err = p.Tree(t, forge.URL+"/ws/r/src/main/docs", plugin.ReadOptions{ETag: sha})
	code(t, err, fail.NotModified)
	files, err := p.Search(t, forge.URL+"/ws/r/src/main/**/c.yaml", plugin.ReadOptions{})
	if err != nil || len(files) != 1 || files[0].URL != forge.URL+"/ws/r/src/main/svc/a/c.yaml" {
		t.Fatalf("got %+v, %v", files, err)
	}
	_, err = p.Search(t, forge.URL+"/ws/r/src/main/**/c.yaml", plugin.ReadOptions{ETag: files[0].ETag})
	code(t, err, fail.NotModified)
}

func TestDescribe(t *testing.T) {
	t.Parallel()
	p := start(t, `{"integrations": {"bitbucketServer": [{"host": "git.example"}]}}`)
	cloud := plugin.URLInfo{Integration: "bitbucketCloud", Title: "bitbucket.org", RepoURL: "https://bitbucket.org/ws/r", Owner: "ws", Repo: "r", Branch: "main", Path: "d/a.yaml"}
	cloud.EditURL, cloud.FolderURL = "https://bitbucket.org/ws/r/src/main/d/a.yaml?at=main&mode=edit&spa=0", "https://bitbucket.org/ws/r/src/main/d/"
	server := plugin.URLInfo{Integration: "bitbucketServer", Title: "git.example", RepoURL: "https://git.example/projects/P/repos/r", Owner: "P", Repo: "r", Branch: "dev/x", Path: "d/a.yaml"}
	server.EditURL = "https://git.example/projects/P/repos/r/browse/d/a.yaml?at=refs%2Fheads%2Fdev%2Fx&mode=edit&spa=0"
	server.FolderURL = "https://git.example/projects/P/repos/r/browse/d/?at=refs%2Fheads%2Fdev%2Fx"
	user := plugin.URLInfo{Integration: "bitbucketServer", Title: "git.example", RepoURL: "https://git.example/ctx/users/ann/repos/r", Owner: "~ann", Repo: "r", Path: "a.yaml"}
	user.EditURL = "https://git.example/ctx/users/ann/repos/r/browse/a.yaml?mode=edit&spa=0"
	user.FolderURL = "https://git.example/ctx/users/ann/repos/r/browse/"
	for target, want := range map[string]plugin.URLInfo{
		"https://bitbucket.org/ws/r/src/main/d/a.yaml":                                     cloud,
		"https://bitbucket.org/ws":                                                         {Integration: "bitbucketCloud", Title: "bitbucket.org"},
		"https://git.example/projects/P/repos/r/browse/d/a.yaml?at=refs%2Fheads%2Fdev%2Fx": server,
		"https://git.example/ctx/users/ann/repos/r/browse/a.yaml":                          user,
		"https://git.example/dashboard":                                                    {Integration: "bitbucketServer", Title: "git.example"},
	} {
		if diff := cmp.Diff(want, p.Describe(t, target)); diff != "" {
			t.Errorf("%s (-want +got)\n%s", target, diff)
		}
	}
}

func TestInit_RefusesBadSettings(t *testing.T) {
	t.Parallel()
	for name, config := range map[string]string{
		"an app password without a user": `{"integrations": {"bitbucketCloud": [{"appPassword": "x"}]}}`,
		"half an OAuth client":           `{"integrations": {"bitbucketCloud": [{"clientId": "x"}]}}`,
		"a base URL that is none":        `{"integrations": {"bitbucketCloud": [{"apiBaseUrl": "x"}]}}`,
		"a server without a host":        `{"integrations": {"bitbucketServer": [{"token": "x"}]}}`,
		"a server with half a user":      `{"integrations": {"bitbucketServer": [{"host": "x", "password": "x"}]}}`,
	} {
		p := hosttest.New(t, config)
		if err := (bitbucket.Plugin{}).Init(t.Context(), p.Host); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestHosts_FollowTheConfiguration(t *testing.T) {
	t.Parallel()
	p := start(t, `{}`)
	p.Config.Set(t, `{"integrations": {"bitbucketServer": [{"host": "git.example"}]}}`)
	if info := p.Describe(t, "https://git.example/projects/P/repos/r"); info.Repo != "r" {
		t.Errorf("got %+v", info)
	}
	p.Config.Set(t, `{"integrations": {"bitbucketServer": [{}]}}`)
	if info := p.Describe(t, "https://git.example/projects/P/repos/r"); info.Repo != "r" {
		t.Errorf("a bad configuration took the good one away: %+v", info)
	}
}
