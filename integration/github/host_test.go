package github_test

import (
	"fmt"
	"io/fs"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/stagedoor/stagedoor/integration/github"
	"github.com/stagedoor/stagedoor/integration/internal/fail"
	"github.com/stagedoor/stagedoor/integration/internal/hosttest"
	"github.com/stagedoor/stagedoor/plugin"
)

// start initialises the plugin with one enterprise host, which is the fake.
func start(t *testing.T, forge *hosttest.Forge, more string) *hosttest.Portal {
	t.Helper()
	if more != "" {
		more = ", " + more
	}
	p := hosttest.New(t, fmt.Sprintf(`{"integrations": {"github": [
		{"host": %q, "apiBaseUrl": %q, "token": "t0ken"}
	]}%s}`, forge.Host, forge.URL+"/api/v3", more))
	if err := (github.Plugin{}).Init(t.Context(), p.Host); err != nil {
		t.Fatal(err)
	}
	return p
}

const rawType = "application/vnd.github.raw+json; charset=utf-8"

// commits is the answer of the list of commits with one commit.
func commits(sha string) http.HandlerFunc {
	return hosttest.JSON([]any{map[string]any{"sha": sha, "commit": map[string]any{
		"committer": map[string]any{"name": "a", "date": "2026-02-03T04:05:06Z"},
	}}})
}

func code(t *testing.T, err error, want string) {
	t.Helper()
	if fail.Code(err) != want {
		t.Errorf("code %q, want %q: %v", fail.Code(err), want, err)
	}
}

func TestRead_GivesContentETagAndTheCommitThatChangedTheFile(t *testing.T) {
	t.Parallel()
	forge := hosttest.Serve(t)
	p := start(t, forge, "")
	forge.On("GET /api/v3/repos/o/r/contents/dir/a%20b.yaml?ref=main", forge.With("Authorization", "Bearer t0ken",
		forge.With("Accept", "application/vnd.github.raw+json", hosttest.Text(rawType, `"e1"`, "kind: X"))))
	forge.On("GET /api/v3/repos/o/r/commits?path=dir%2Fa+b.yaml&per_page=1&sha=main", commits("c0ffee"))
	target := forge.URL + "/o/r/blob/main/dir/a%20b.yaml"

	got, err := p.Read(t, target, plugin.ReadOptions{})
	want := plugin.File{URL: target, Data: []byte("kind: X"), ETag: `"e1"`, Revision: "c0ffee", Modified: time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC)}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Fatalf("%v (-want +got)\n%s", err, diff)
	}
	forge.Calls()
	_, err = p.Read(t, target, plugin.ReadOptions{ETag: `"e1"`})
	code(t, err, fail.NotModified)
	if calls := forge.Calls(); len(calls) != 1 {
		t.Errorf("an unchanged file cost %d calls: %v", len(calls), calls)
	}
}

func TestRead_KindsOfURLs(t *testing.T) {
	t.Parallel()
	for name, target := range map[string]string{
		"blob":             "%s/o/r/blob/main/a.yaml",
		"tree":             "%s/o/r/tree/main/a.yaml",
		"raw":              "%s/o/r/raw/main/a.yaml",
		"edit":             "%s/o/r/edit/main/a.yaml",
		"the raw host":     "%s/raw/o/r/main/a.yaml",
		"a .git suffix":    "%s/o/r.git/blob/main/a.yaml",
		"user information": "http://u:secret@" + "%h/o/r/blob/main/a.yaml",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			forge := hosttest.Serve(t)
			p := start(t, forge, "")
			forge.On("GET /api/v3/repos/o/r/contents/a.yaml?ref=main", hosttest.Text(rawType, "", "x"))
			forge.On("GET /api/v3/repos/o/r/commits?path=a.yaml&per_page=1&sha=main", hosttest.Status(500, "sick"))
			target := strings.NewReplacer("%s", forge.URL, "%h", forge.Host).Replace(target)
			got, err := p.Read(t, target, plugin.ReadOptions{})
			if err != nil || string(got.Data) != "x" || strings.Contains(got.URL, "secret") {
				t.Errorf("got %+v, %v", got, err)
			}
		})
	}
}

func TestRead_FindsBranchesWithSlashesAndRemembersThem(t *testing.T) {
	t.Parallel()
	forge := hosttest.Serve(t)
	p := start(t, forge, "")
	forge.On("GET /api/v3/repos/o/r/contents/login/v2/a.yaml?ref=feature", hosttest.Status(404, "No commit found for the ref feature"))
	forge.On("GET /api/v3/repos/o/r/git/matching-refs/heads/feature/", hosttest.JSON([]any{
		map[string]any{"ref": "refs/heads/feature/login"}, map[string]any{"ref": "refs/heads/feature/login/v2"}, map[string]any{"ref": "refs/heads/feature/log"},
	}))
	forge.On("GET /api/v3/repos/o/r/git/matching-refs/tags/feature/", hosttest.JSON([]any{}))
	forge.On("GET /api/v3/repos/o/r/contents/a.yaml?ref=feature%2Flogin%2Fv2", hosttest.Text(rawType, `"e"`, "x"))
	forge.On("GET /api/v3/repos/o/r/commits?path=a.yaml&per_page=1&sha=feature%2Flogin%2Fv2", commits("c1"))
	target := forge.URL + "/o/r/blob/feature/login/v2/a.yaml"

	if info := p.Describe(t, target); info.Branch != "feature" || info.Path != "login/v2/a.yaml" {
		t.Errorf("before the first read: %+v", info)
	}
	got, err := p.Read(t, target, plugin.ReadOptions{})
	if err != nil || got.Revision != "c1" {
		t.Fatalf("got %+v, %v", got, err)
	}
	if info := p.Describe(t, target); info.Branch != "feature/login/v2" || info.Path != "a.yaml" {
		t.Errorf("after the first read: %+v", info)
	}
	forge.Calls()
	_, err = p.Read(t, target, plugin.ReadOptions{ETag: `"e"`})
	code(t, err, fail.NotModified)
	if calls := forge.Calls(); len(calls) != 1 {
		t.Errorf("the branch was looked up again: %v", calls)
	}
}

func TestRead_AMissingFileStaysMissingWithoutAskingForBranchesEachTime(t *testing.T) {
	t.Parallel()
	forge := hosttest.Serve(t)
	p := start(t, forge, "")
	forge.On("GET /api/v3/repos/o/r/contents/dir/a.yaml?ref=main", hosttest.Status(404, "Not Found"))
	forge.On("GET /api/v3/repos/o/r/git/matching-refs/heads/main/", hosttest.JSON([]any{}))
	forge.On("GET /api/v3/repos/o/r/git/matching-refs/tags/main/", hosttest.JSON([]any{}))
	for range 3 {
		_, err := p.Read(t, forge.URL+"/o/r/blob/main/dir/a.yaml", plugin.ReadOptions{})
		code(t, err, fail.NotFound)
	}
	if calls := forge.Calls(); len(calls) != 5 {
		t.Errorf("%d calls: %v", len(calls), calls)
	}
}

func TestRead_SaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		answer http.HandlerFunc
		want   string
	}{
		"a token that is not accepted": {hosttest.Status(401, "Bad credentials"), fail.Forbidden},
		"a token that may not":         {hosttest.Status(403, "Resource not accessible"), fail.Forbidden},
		"a folder":                     {hosttest.JSON([]any{}), fail.Invalid},
		"a file that is too large":     {hosttest.Bytes(rawType, make([]byte, 10<<20+1)), fail.TooLarge},
		"a server error":               {hosttest.Status(500, "oops"), fail.Unavailable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			forge := hosttest.Serve(t)
			p := start(t, forge, "")
			forge.On("GET /api/v3/repos/o/r/contents/a.yaml?ref=main", tc.answer)
			_, err := p.Read(t, forge.URL+"/o/r/blob/main/a.yaml", plugin.ReadOptions{})
			code(t, err, tc.want)
			if err != nil && strings.Contains(err.Error(), "t0ken") {
				t.Errorf("the error tells the token: %v", err)
			}
		})
	}
}

func TestRead_RefusesWhatIsNoFileOfARepository(t *testing.T) {
	t.Parallel()
	forge := hosttest.Serve(t)
	p := start(t, forge, "")
	for _, path := range []string{"/", "/o", "/o/r", "/o/r/issues/1", "/o/r/blob", "/o/r/blob/main", "/o/r/blob/main/%2e%2e/x", "/o/r/releases/download/v1/x"} {
		_, err := p.Read(t, forge.URL+path, plugin.ReadOptions{})
		if c := fail.Code(err); c != fail.Invalid {
			t.Errorf("%s: code %q: %v", path, c, err)
		}
	}
}

func TestRead_TheCallersTokenReplacesOurs(t *testing.T) {
	t.Parallel()
	forge := hosttest.Serve(t)
	p := start(t, forge, "")
	forge.On("GET /api/v3/repos/o/r/contents/a.yaml?ref=main", forge.With("Authorization", "Bearer theirs", hosttest.Text(rawType, "", "x")))
	forge.On("GET /api/v3/repos/o/r/commits?path=a.yaml&per_page=1&sha=main", forge.With("Authorization", "Bearer theirs", commits("c")))
	if _, err := p.Read(t, forge.URL+"/o/r/blob/main/a.yaml", plugin.ReadOptions{Token: "theirs"}); err != nil {
		t.Error(err)
	}
}

func TestRead_WithoutCredentialsTheRawHostIsAsked(t *testing.T) {
	t.Parallel()
	forge := hosttest.Serve(t)
	p := hosttest.New(t, fmt.Sprintf(`{"integrations": {"github": [{"host": %q, "apiBaseUrl": %q, "rawBaseUrl": %q}]}}`, forge.Host, forge.URL+"/api/v3", forge.URL+"/raw"))
	if err := (github.Plugin{}).Init(t.Context(), p.Host); err != nil {
		t.Fatal(err)
	}
	forge.On("GET /raw/o/r/feature/x/a%20b.yaml", forge.With("Authorization", "", hosttest.Text("text/plain", `"e"`, "x")))
	for _, target := range []string{"/o/r/blob/feature/x/a%20b.yaml", "/raw/o/r/feature/x/a%20b.yaml"} {
		got, err := p.Read(t, forge.URL+target, plugin.ReadOptions{})
		if diff := cmp.Diff(plugin.File{URL: forge.URL + target, Data: []byte("x"), ETag: `"e"`}, got); err != nil || diff != "" {
			t.Errorf("%v (-want +got)\n%s", err, diff)
		}
		_, err = p.Read(t, forge.URL+target, plugin.ReadOptions{ETag: `"e"`})
		code(t, err, fail.NotModified)
	}
	forge.On("GET /raw/o/r/refs/heads/main/b.yaml", hosttest.Status(404, ""))
	_, err := p.Read(t, forge.URL+"/o/r/blob/refs/heads/main/b.yaml", plugin.ReadOptions{})
	code(t, err, fail.NotFound)
}

func TestRead_ASpentRateLimitIsSaidAndKept(t *testing.T) {
	t.Parallel()
	for name, header := range map[string]http.Header{
		"primary":   {"X-Ratelimit-Remaining": {"0"}, "X-Ratelimit-Reset": {fmt.Sprint(hosttest.Now.Add(time.Hour).Unix())}},
		"secondary": {"Retry-After": {"3600"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			forge := hosttest.Serve(t)
			p := start(t, forge, "")
			spent := true
			forge.On("GET /api/v3/repos/o/r/contents/a.yaml?ref=main", func(w http.ResponseWriter, r *http.Request) {
				if !spent {
					hosttest.Text(rawType, "", "x")(w, r)
					return
				}
				for k, v := range header {
					w.Header()[k] = v
				}
				hosttest.Status(403, "API rate limit exceeded")(w, r)
			})
			forge.On("GET /api/v3/repos/o/r/commits?path=a.yaml&per_page=1&sha=main", commits("c"))
			for range 3 {
				_, err := p.Read(t, forge.URL+"/o/r/blob/main/a.yaml", plugin.ReadOptions{})
				code(t, err, fail.Unavailable)
				if err == nil || !strings.Contains(err.Error(), "2026-03-01T13:00:00Z") {
					t.Errorf("the error does not say until when: %v", err)
				}
			}
			if calls := forge.Calls(); len(calls) != 1 {
				t.Errorf("%d calls while GitHub wants none: %v", len(calls), calls)
			}
			spent = false
			p.Advance(time.Hour + time.Second)
			if _, err := p.Read(t, forge.URL+"/o/r/blob/main/a.yaml", plugin.ReadOptions{}); err != nil {
				t.Errorf("after the time: %v", err)
			}
		})
	}
}

func TestDescribe(t *testing.T) {
	t.Parallel()
	p := hosttest.New(t, `{}`)
	if err := (github.Plugin{}).Init(t.Context(), p.Host); err != nil {
		t.Fatal(err)
	}
	repo := plugin.URLInfo{Integration: "github", Title: "github.com", RepoURL: "https://github.com/o/r", Owner: "o", Repo: "r"}
	with := func(branch, path, edit, folder string) plugin.URLInfo {
		i := repo
		i.Branch, i.Path, i.EditURL, i.FolderURL = branch, path, edit, folder
		return i
	}
	sha := strings.Repeat("ab", 20)
	for target, want := range map[string]plugin.URLInfo{
		"https://github.com/o/r/blob/main/d/e/a.yaml":           with("main", "d/e/a.yaml", "https://github.com/o/r/edit/main/d/e/a.yaml", "https://github.com/o/r/tree/main/d/e/"),
		"https://github.com/o/r/blob/main/a.yaml":               with("main", "a.yaml", "https://github.com/o/r/edit/main/a.yaml", "https://github.com/o/r/tree/main/"),
		"https://github.com/o/r/blob/main/a%20b/x.yaml":         with("main", "a b/x.yaml", "https://github.com/o/r/edit/main/a%20b/x.yaml", "https://github.com/o/r/tree/main/a%20b/"),
		"https://github.com/o/r/blob/rel%2F1/x.yaml":            with("rel/1", "x.yaml", "https://github.com/o/r/edit/rel/1/x.yaml", "https://github.com/o/r/tree/rel/1/"),
		"https://github.com/o/r/blob/" + sha + "/x.yaml":        with(sha, "x.yaml", "", "https://github.com/o/r/tree/"+sha+"/"),
		"https://github.com/o/r/blob/main/**/catalog-info.yaml": with("main", "**/catalog-info.yaml", "", "https://github.com/o/r/tree/main/**/"),
		"https://raw.githubusercontent.com/o/r/main/d/a.yaml":   with("main", "d/a.yaml", "https://github.com/o/r/edit/main/d/a.yaml", "https://github.com/o/r/tree/main/d/"),
		"https://github.com/o/r/tree/main/docs/":                with("main", "docs", "https://github.com/o/r/edit/main/docs", "https://github.com/o/r/tree/main/docs/"),
		"https://github.com/o/r":                                with("", "", "", "https://github.com/o/r"),
		"https://github.com/features":                           {Integration: "github", Title: "github.com"},
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
	forge.On("GET /api/v3/repos/o/r/commits/main", forge.With("Accept", "application/vnd.github.v3.sha", hosttest.Text("text/plain", "", sha)))
	forge.On("GET /api/v3/repos/o/r/tarball/"+sha, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/codeload/o/r", http.StatusFound)
	})
	forge.On("GET /codeload/o/r", hosttest.Bytes("application/x-gzip", hosttest.Tarball(
		hosttest.Entry{Name: "o-r-1/docs/index.md", Body: "# Hi"},
		hosttest.Entry{Name: "o-r-1/docs/evil", Link: "/etc/passwd"},
		hosttest.Entry{Name: "o-r-1/README.md", Body: "x"},
	)))
	got, err := p.Tree(t, forge.URL+"/o/r/tree/main/docs", plugin.ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	names, err := fs.Glob(got.FS, "*")
	if diff := cmp.Diff([]string{"index.md"}, names); err != nil || diff != "" {
		t.Errorf("%v (-want +got)\n%s", err, diff)
	}
	if got.ETag != sha || got.Revision != sha {
		t.Errorf("ETag %q, revision %q", got.ETag, got.Revision)
	}
	_, err = p.Tree(t, forge.URL+"/o/r/tree/main/docs", plugin.ReadOptions{ETag: sha})
	code(t, err, fail.NotModified)
	forge.On("GET /api/v3/repos/o/r/commits/HEAD", hosttest.Text("text/plain", "", sha))
	if got, err := p.Tree(t, forge.URL+"/o/r", plugin.ReadOptions{}); err != nil || got.Revision != sha {
		t.Errorf("the whole repository: %+v, %v", got, err)
	}
}

func TestTree_RefusesArchivesThatLeadOut(t *testing.T) {
	t.Parallel()
	forge := hosttest.Serve(t)
	p := start(t, forge, "")
	sha := strings.Repeat("1", 40)
	forge.On("GET /api/v3/repos/o/r/tarball/"+sha, hosttest.Bytes("application/x-gzip", hosttest.Tarball(hosttest.Entry{Name: "o-r-1/../../x", Body: "x"})))
	_, err := p.Tree(t, forge.URL+"/o/r/tree/"+sha, plugin.ReadOptions{})
	code(t, err, fail.Invalid)
}

func TestSearch_ReadsWhatMatchesAndTellsWhenNothingChanged(t *testing.T) {
	t.Parallel()
	forge := hosttest.Serve(t)
	p := start(t, forge, "")
	sha := strings.Repeat("1", 40)
	blob := func(path, sha string) map[string]any {
		return map[string]any{"path": path, "mode": "100644", "type": "blob", "sha": sha, "size": 3}
	}
	tree := []any{
		blob("catalog-info.yaml", "b1"), blob("svc/cart/catalog-info.yaml", "b2"), blob("svc/cart/other.yaml", "b3"),
		blob(".github/catalog-info.yaml", "b4"),
		map[string]any{"path": "svc", "type": "tree", "mode": "040000", "sha": "t"},
		map[string]any{"path": "link/catalog-info.yaml", "type": "blob", "mode": "120000", "sha": "b5"},
	}
	forge.On("GET /api/v3/repos/o/r/commits/main", func(w http.ResponseWriter, r *http.Request) { hosttest.Text("text/plain", "", sha)(w, r) })
	forge.On("GET /api/v3/repos/o/r/git/trees/"+sha+"?recursive=1", hosttest.JSON(map[string]any{"sha": sha, "tree": tree}))
	forge.On("GET /api/v3/repos/o/r/git/blobs/b1", hosttest.Text(rawType, "", "one"))
	forge.On("GET /api/v3/repos/o/r/git/blobs/b2", hosttest.Text(rawType, "", "two"))
	target := forge.URL + "/o/r/blob/main/**/catalog-info.yaml"
	got, err := p.Search(t, target, plugin.ReadOptions{})
	if err != nil || len(got) != 2 {
		t.Fatalf("got %d files, %v", len(got), err)
	}
	if got[1].URL != forge.URL+"/o/r/blob/main/svc/cart/catalog-info.yaml" || string(got[1].Data) != "two" || got[1].Revision != sha || got[0].ETag != got[1].ETag {
		t.Errorf("got %+v", got)
	}
	forge.Calls()
	_, err = p.Search(t, target, plugin.ReadOptions{ETag: got[0].ETag})
	code(t, err, fail.NotModified)
	if calls := forge.Calls(); len(calls) != 1 {
		t.Errorf("an unchanged commit cost %v", calls)
	}
	// Another commit that changes no match reads the list and no file.
	sha = strings.Repeat("2", 40)
	forge.On("GET /api/v3/repos/o/r/git/trees/"+sha+"?recursive=1", hosttest.JSON(map[string]any{"sha": sha, "tree": tree}))
	_, err = p.Search(t, target, plugin.ReadOptions{ETag: got[0].ETag})
	code(t, err, fail.NotModified)
}

func TestSearch_ReadsTheArchiveWhenTheListIsCutOff(t *testing.T) {
	t.Parallel()
	forge := hosttest.Serve(t)
	p := start(t, forge, "")
	sha := strings.Repeat("1", 40)
	forge.On("GET /api/v3/repos/o/r/git/trees/"+sha+"?recursive=1", hosttest.JSON(map[string]any{"sha": sha, "truncated": true}))
	forge.On("GET /api/v3/repos/o/r/tarball/"+sha, hosttest.Bytes("application/x-gzip", hosttest.Tarball(
		hosttest.Entry{Name: "o-r-1/a/x.yaml", Body: "x"}, hosttest.Entry{Name: "o-r-1/y.txt", Body: "y"},
	)))
	got, err := p.Search(t, forge.URL+"/o/r/blob/"+sha+"/*/x.yaml", plugin.ReadOptions{})
	if err != nil || len(got) != 1 || got[0].URL != forge.URL+"/o/r/blob/"+sha+"/a/x.yaml" {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestServes_OnlyTheConfiguredHostsAndGitHub(t *testing.T) {
	t.Parallel()
	p := hosttest.New(t, `{"integrations": {"github": [{"host": "ghe.example.com"}]}}`)
	if err := (github.Plugin{}).Init(t.Context(), p.Host); err != nil {
		t.Fatal(err)
	}
	for target, want := range map[string]bool{
		"https://github.com/o/r": true, "https://GHE.example.com/o/r": true, "https://raw.githubusercontent.com/o/r/main/x": true,
		"https://gitlab.com/o/r": false, "ftp://github.com/o/r": false, "https://github.com.evil.example/o/r": false,
	} {
		if got := p.URLs.Serves(parse(t, target)); got != want {
			t.Errorf("%s: %v", target, got)
		}
	}
	p.Config.Set(t, `{"integrations": {"github": [{"host": "new.example.com"}]}}`)
	if !p.URLs.Serves(parse(t, "https://new.example.com/o/r")) || p.URLs.Serves(parse(t, "https://ghe.example.com/o/r")) {
		t.Error("the hosts do not follow the configuration")
	}
	p.Config.Set(t, `{"integrations": {"github": [{"host": "a/b"}]}}`)
	if !p.URLs.Serves(parse(t, "https://new.example.com/o/r")) {
		t.Error("a bad configuration took the good one away")
	}
}

func TestInit_RefusesBadSettings(t *testing.T) {
	t.Parallel()
	for name, config := range map[string]string{
		"a host with a path":          `{"integrations": {"github": [{"host": "x/y"}]}}`,
		"a host twice":                `{"integrations": {"github": [{"host": "x"}, {"host": "X"}]}}`,
		"a base URL that is none":     `{"integrations": {"github": [{"host": "x", "apiBaseUrl": "x"}]}}`,
		"an app without a key":        `{"integrations": {"github": [{"host": "x", "apps": [{"appId": 1}]}]}}`,
		"an app with a strange id":    `{"integrations": {"github": [{"host": "x", "apps": [{"appId": "one"}]}]}}`,
		"no organisation":             `{"catalog": {"providers": {"github": {"a": {"host": "github.com"}}}}}`,
		"an unknown host":             `{"catalog": {"providers": {"github": {"organization": "o", "host": "x"}}}}`,
		"a pattern with validation":   `{"catalog": {"providers": {"github": {"organization": "o", "catalogPath": "/**/c.yaml", "validateLocationsExist": true}}}}`,
		"a bad regular expression":    `{"catalog": {"providers": {"github": {"organization": "o", "filters": {"repository": "("}}}}}`,
		"an unknown visibility":       `{"catalog": {"providers": {"github": {"organization": "o", "filters": {"visibility": ["secret"]}}}}}`,
		"an unknown scope":            `{"catalog": {"providers": {"github": {"organization": "o", "schedule": {"scope": "galaxy"}}}}}`,
		"org data of an unknown host": `{"catalog": {"providers": {"githubOrg": {"githubUrl": "https://x"}}}}`,
		"org data with an id twice":   `{"catalog": {"providers": {"githubOrg": [{"orgs": ["a"]}, {"orgs": ["b"]}]}}}`,
	} {
		p := hosttest.New(t, config)
		if err := (github.Plugin{}).Init(t.Context(), p.Host); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
