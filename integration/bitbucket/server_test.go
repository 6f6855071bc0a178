package bitbucket_test

import (
	"fmt"
	"io/fs"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stagedoor/stagedoor/integration/internal/fail"
	"github.com/stagedoor/stagedoor/integration/internal/hosttest"
	"github.com/stagedoor/stagedoor/plugin"
)

const serverAPI = "GET /rest/api/1.0/projects/P/repos/r"

func startServer(t *testing.T, forge *hosttest.Forge, auth string) *hosttest.Portal {
	t.Helper()
	return start(t, fmt.Sprintf(`{"integrations": {"bitbucketServer": [{"host": %q, "apiBaseUrl": %q %s}]}}`, forge.Host, forge.URL+"/rest/api/1.0", auth))
}

func head(sha string) http.HandlerFunc {
	return hosttest.JSON(object{"values": []any{object{"id": sha}}})
}

func TestServer_ReadsWithEachKindOfCredentials(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ auth, want string }{
		"a token":          {`, "token": "t"`, "Bearer t"},
		"a user":           {`, "username": "u", "password": "p"`, basic("u", "p")},
		"nothing":          {"", ""},
		"a token and user": {`, "token": "t", "username": "u", "password": "p"`, "Bearer t"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			forge := hosttest.Serve(t)
			p := startServer(t, forge, tc.auth)
			forge.On(serverAPI+"/raw/d/a.yaml?at=refs%2Fheads%2Fdev", forge.With("Authorization", tc.want, hosttest.Text("text/plain", `"e"`, "kind: X")))
			forge.On(serverAPI+"/commits?limit=1&path=d%2Fa.yaml&until=refs%2Fheads%2Fdev", forge.With("Authorization", tc.want, head("c0ffee")))
			target := forge.URL + "/projects/P/repos/r/browse/d/a.yaml?at=refs%2Fheads%2Fdev"
			got, err := p.Read(t, target, plugin.ReadOptions{})
			want := plugin.File{URL: target, Data: []byte("kind: X"), ETag: `"e"`, Revision: "c0ffee"}
			if diff := cmp.Diff(want, got); err != nil || diff != "" {
				t.Fatalf("%v (-want +got)\n%s", err, diff)
			}
			_, err = p.Read(t, target, plugin.ReadOptions{ETag: `"e"`})
			code(t, err, fail.NotModified)
		})
	}
}

func TestServer_ReadsTheDefaultBranchAndPersonalRepositories(t *testing.T) {
	t.Parallel()
	forge := hosttest.Serve(t)
	p := startServer(t, forge, "")
	forge.On("GET /rest/api/1.0/projects/~ann/repos/r/raw/a.yaml", hosttest.Text("text/plain", "", "x"))
	forge.On("GET /rest/api/1.0/projects/~ann/repos/r/commits?limit=1&path=a.yaml", hosttest.Status(404, ""))
	got, err := p.Read(t, forge.URL+"/users/ann/repos/r/raw/a.yaml", plugin.ReadOptions{})
	if err != nil || string(got.Data) != "x" {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestServer_TreeAndSearchReadTheArchiveOfTheCommit(t *testing.T) {
	t.Parallel()
	forge := hosttest.Serve(t)
	p := startServer(t, forge, "")
	sha := strings.Repeat("1", 40)
	forge.On(serverAPI+"/commits?limit=1&until=main", head(sha))
	forge.On(serverAPI+"/archive?at="+sha+"&format=tgz&path=docs", hosttest.Bytes("application/x-tar", hosttest.Tarball(hosttest.Entry{Name: "docs/index.md", Body: "# Hi"})))
	forge.On(serverAPI+"/archive?at="+sha+"&format=tgz", hosttest.Bytes("application/x-tar", hosttest.Tarball(
		hosttest.Entry{Name: "docs/index.md", Body: "# Hi"}, hosttest.Entry{Name: "svc/c.yaml", Body: "c"})))
	tree, err := p.Tree(t, forge.URL+"/projects/P/repos/r/browse/docs?at=main", plugin.ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if names, err := fs.Glob(tree.FS, "*"); err != nil || cmp.Diff([]string{"index.md"}, names) != "" || tree.ETag != sha {
		t.Errorf("got %v, %v", names, err)
	}
	_, err = p.Tree(t, forge.URL+"/projects/P/repos/r/browse/docs?at=main", plugin.ReadOptions{ETag: sha})
	code(t, err, fail.NotModified)
	files, err := p.Search(t, forge.URL+"/projects/P/repos/r/browse/*/c.yaml?at=main", plugin.ReadOptions{})
	if err != nil || len(files) != 1 || files[0].URL != forge.URL+"/projects/P/repos/r/browse/svc/c.yaml?at=main" {
		t.Fatalf("got %+v, %v", files, err)
	}
	_, err = p.Search(t, forge.URL+"/projects/P/repos/r/browse/*/c.yaml?at=main", plugin.ReadOptions{ETag: files[0].ETag})
	code(t, err, fail.NotModified)
}

func TestServer_SaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	forge := hosttest.Serve(t)
	p := startServer(t, forge, "")
	forge.On(serverAPI+"/raw/a.yaml", hosttest.Status(404, ""))
	forge.On(serverAPI+"/raw/b.yaml", hosttest.Status(401, ""))
	forge.On(serverAPI+"/raw/c.yaml", hosttest.Bytes("text/plain", make([]byte, 10<<20+1)))
	for target, want := range map[string]string{
		"/projects/P/repos/r/browse/a.yaml": fail.NotFound, "/projects/P/repos/r/browse/b.yaml": fail.Forbidden, "/projects/P/repos/r/browse/c.yaml": fail.TooLarge,
		"/projects/P/repos/r/browse": fail.Invalid, "/projects/P": fail.Invalid, "/projects/P/repos/r/pull-requests/1": fail.Invalid,
	} {
		_, err := p.Read(t, forge.URL+target, plugin.ReadOptions{})
		if fail.Code(err) != want {
			t.Errorf("%s: code %q, want %q: %v", target, fail.Code(err), want, err)
		}
	}
}
