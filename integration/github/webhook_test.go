package github_test

import (
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stagedoor/stagedoor/integration/github"
	"github.com/stagedoor/stagedoor/integration/internal/fail"
	"github.com/stagedoor/stagedoor/integration/internal/hosttest"
)

func sha1Hex(text string) string {
	sum := sha1.Sum([]byte(text))
	return hex.EncodeToString(sum[:])
}

func sign(secret, body string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(body))
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}

func TestVerify_AdmitsOnlyWhatIsSignedWithASecretOfOurs(t *testing.T) {
	t.Parallel()
	key, _ := testKey(t)
	both := fmt.Sprintf(`{"events": {"modules": {"github": {"webhookSecret": "s1"}}},
		"integrations": {"github": [{"host": "github.com", "apps": [{"appId": 1, "privateKey": %q, "webhookSecret": "s2"}]}]}}`, key)
	for name, tc := range map[string]struct {
		config, signature, event, want string
	}{
		"the module's secret":       {both, sign("s1", "{}"), "push", ""},
		"an app's secret":           {both, sign("s2", "{}"), "push", ""},
		"a wrong secret":            {both, sign("s3", "{}"), "push", fail.Forbidden},
		"another body":              {both, sign("s1", "{ }"), "push", fail.Forbidden},
		"no signature":              {both, "", "push", fail.Forbidden},
		"half a signature":          {both, sign("s1", "{}")[:40], "push", fail.Forbidden},
		"an old kind of signature":  {both, "sha1=" + sha1Hex("x"), "push", fail.Forbidden},
		"no event":                  {both, sign("s1", "{}"), "", fail.Invalid},
		"no secret here":            {`{}`, sign("", "{}"), "push", fail.Forbidden},
		"an empty secret is no one": {`{"events": {"modules": {"github": {"webhookSecret": " "}}}}`, sign(" ", "{}"), "push", fail.Forbidden},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := hosttest.New(t, tc.config)
			if err := (github.Plugin{}).Init(t.Context(), p.Host); err != nil {
				t.Fatal(err)
			}
			header := http.Header{}
			header.Set("X-Hub-Signature-256", tc.signature)
			header.Set("X-GitHub-Event", tc.event)
			err := p.Checks["github"](t.Context(), header, []byte("{}"))
			code(t, err, tc.want)
			if name == "no secret here" && !strings.Contains(err.Error(), "events.modules.github.webhookSecret") {
				t.Errorf("the error does not say what to set: %v", err)
			}
		})
	}
}

// hook starts a portal with one provider on github.com for the organisation.
func hook(t *testing.T, more string) (*hosttest.Portal, *hosttest.Connection) {
	t.Helper()
	p := hosttest.New(t, fmt.Sprintf(`{"catalog": {"providers": {"github": {"organization": "octo" %s}, "githubOrg": {"orgs": ["octo"]}}}}`, more))
	if err := (github.Plugin{}).Init(t.Context(), p.Host); err != nil {
		t.Fatal(err)
	}
	p.Connect(t, "GithubMultiOrgEntityProvider:default")
	return p, p.Connect(t, "github-provider:default")
}

func send(t *testing.T, p *hosttest.Portal, kind string, body any) {
	t.Helper()
	raw, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Send(t, "github", raw, map[string]string{"x-github-event": kind}); err != nil {
		t.Fatalf("%s: %v", kind, err)
	}
}

// repo is a repository as webhooks describe it.
func repo(name string, more object) object {
	r := object{
		"name": name, "html_url": "https://github.com/octo/" + name, "url": "https://api.github.com/repos/octo/" + name,
		"default_branch": "main", "visibility": "public", "private": false, "archived": false, "fork": false, "topics": []any{},
		"owner": object{"login": "octo"},
	}
	for k, v := range more {
		r[k] = v
	}
	return r
}

func TestEvents_ChangeExactlyWhatHappened(t *testing.T) {
	t.Parallel()
	push := func(more object) object {
		e := object{"ref": "refs/heads/main", "after": "c0ffee", "repository": repo("r", nil)}
		for k, v := range more {
			e[k] = v
		}
		return e
	}
	commits := func(list ...object) object {
		all := []any{}
		for _, c := range list {
			all = append(all, c)
		}
		return object{"commits": all}
	}
	at := func(repo, branch string) string {
		return "https://github.com/octo/" + repo + "/blob/" + branch + "/catalog-info.yaml"
	}
	file := []any{"catalog-info.yaml", "x"}
	for name, tc := range map[string]struct {
		config         string
		kind           string
		body           object
		added, removed []string
		triggered      bool
	}{
		"a push that adds the file":            {"", "push", push(commits(object{"added": file})), []string{at("r", "main")}, nil, false},
		"a push that removes the file":         {"", "push", push(commits(object{"removed": file})), nil, []string{at("r", "main")}, false},
		"a push that removes and adds it":      {"", "push", push(commits(object{"removed": file}, object{"added": file})), []string{at("r", "main")}, nil, false},
		"a push that changes it":               {"", "push", push(commits(object{"modified": file})), nil, nil, false},
		"a push to another branch":             {"", "push", push(object{"ref": "refs/heads/dev", "commits": []any{object{"added": file}}}), nil, nil, false},
		"a push of a tag":                      {"", "push", push(object{"ref": "refs/tags/main", "commits": []any{object{"added": file}}}), nil, nil, false},
		"a push to the configured branch":      {`, "filters": {"branch": "dev"}`, "push", push(object{"ref": "refs/heads/dev", "commits": []any{object{"added": file}}}), []string{at("r", "dev")}, nil, false},
		"a push that does not match":           {`, "filters": {"repository": "x"}`, "push", push(commits(object{"added": file})), nil, nil, false},
		"a forced push":                        {"", "push", push(object{"forced": true}), nil, nil, true},
		"a push of somebody else":              {"", "push", push(object{"repository": repo("r", object{"owner": object{"login": "other"}}), "commits": []any{object{"added": file}}}), nil, nil, false},
		"a push on another GitHub":             {"", "push", push(object{"repository": repo("r", object{"html_url": "https://ghe.example/octo/r"}), "commits": []any{object{"added": file}}}), nil, nil, false},
		"a push that adds a file of a pattern": {`, "catalogPath": "/**/c.yaml"`, "push", push(commits(object{"added": []any{"a/c.yaml", "b/c.yaml"}})), []string{"https://github.com/octo/r/blob/main/**/c.yaml"}, nil, false},
		"a repository is created":              {"", "repository", object{"action": "created", "repository": repo("r", nil)}, []string{at("r", "main")}, nil, false},
		"a repository is archived":             {"", "repository", object{"action": "archived", "repository": repo("r", object{"archived": true})}, nil, []string{at("r", "main")}, false},
		"a repository is deleted":              {"", "repository", object{"action": "deleted", "repository": repo("r", nil)}, nil, []string{at("r", "main")}, false},
		"a repository becomes public":          {`, "filters": {"visibility": ["private"]}`, "repository", object{"action": "publicized", "repository": repo("r", nil)}, nil, []string{at("r", "main")}, false},
		"a repository is renamed": {"", "repository", object{
			"action": "renamed", "repository": repo("new", nil), "changes": object{"repository": object{"name": object{"from": "old"}}},
		}, []string{at("new", "main")}, []string{at("old", "main")}, false},
		"the default branch changes": {"", "repository", object{
			"action": "edited", "repository": repo("r", nil), "changes": object{"default_branch": object{"from": "master"}},
		}, []string{at("r", "main")}, []string{at("r", "master")}, false},
		"a repository arrives": {"", "repository", object{
			"action": "transferred", "repository": repo("r", nil), "changes": object{"owner": object{"from": object{"user": object{"login": "somebody"}}}},
		}, []string{at("r", "main")}, nil, false},
		"a repository leaves": {"", "repository", object{
			"action": "transferred", "changes": object{"owner": object{"from": object{"organization": object{"login": "octo"}}}},
			"repository": repo("r", object{"owner": object{"login": "other"}, "html_url": "https://github.com/other/r"}),
		}, nil, []string{at("r", "main")}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, conn := hook(t, tc.config)
			send(t, p, tc.kind, tc.body)
			var added, removed []string
			for _, m := range conn.Take() {
				if m.Full || m.Cause.Kind != "webhook" {
					t.Errorf("mutation %+v", m)
				}
				added, removed = append(added, hosttest.Targets(m.Added)...), append(removed, hosttest.Targets(m.Removed)...)
			}
			if diff := cmp.Diff(tc.added, added) + cmp.Diff(tc.removed, removed); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			if got := p.Triggered(); (len(got) > 0) != tc.triggered {
				t.Errorf("triggered %v", got)
			}
		})
	}
}

func TestEvents_ARepositoryIsAddedOnlyWithItsFileWhenThatIsAsked(t *testing.T) {
	t.Parallel()
	forge := hosttest.Serve(t)
	p := start(t, forge, fmt.Sprintf(`"catalog": {"providers": {"github": {"organization": "octo", "host": %q, "validateLocationsExist": true}}}`, forge.Host))
	conn := p.Connect(t, "github-provider:default")
	forge.On("GET /api/v3/repos/octo/with/contents/catalog-info.yaml?ref=main", hosttest.Text(rawType, "", "x"))
	forge.On("GET /api/v3/repos/octo/with/commits?path=catalog-info.yaml&per_page=1&sha=main", commits("c"))
	forge.On("GET /api/v3/repos/octo/without/contents/catalog-info.yaml?ref=main", hosttest.Status(404, "Not Found"))
	for _, name := range []string{"with", "without"} {
		send(t, p, "repository", object{"action": "created", "repository": repo(name, object{"html_url": forge.URL + "/octo/" + name})})
	}
	got := conn.Take()
	if len(got) != 2 || len(got[0].Added) != 1 || len(got[1].Added) != 0 || len(got[1].Removed) != 1 {
		t.Errorf("mutations %+v", got)
	}
}

func TestEvents_OfPeopleMakeOrgDataBeReadAgain(t *testing.T) {
	t.Parallel()
	p, _ := hook(t, "")
	for _, kind := range []string{"team", "membership", "organization"} {
		send(t, p, kind, object{"action": "edited", "organization": object{"login": "Octo"}})
		if diff := cmp.Diff([]string{"GithubMultiOrgEntityProvider:default:refresh"}, p.Triggered()); diff != "" {
			t.Errorf("%s (-want +got)\n%s", kind, diff)
		}
		send(t, p, kind, object{"action": "edited", "organization": object{"login": "other"}})
		if got := p.Triggered(); len(got) != 0 {
			t.Errorf("%s of another organisation: %v", kind, got)
		}
	}
	send(t, p, "installation", object{"action": "created", "installation": object{"account": object{"login": "octo"}}})
	if got := p.Triggered(); len(got) != 2 {
		t.Errorf("an installation triggers %v", got)
	}
	send(t, p, "star", object{"action": "created"})
}

// shared finds the folder of real files beside the checkout.
func shared(t *testing.T) string {
	t.Helper()
	if dir := os.Getenv("STAGEDOOR_SHARED"); dir != "" {
		return dir
	}
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for ; dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return filepath.Join(dir, "..", "shared")
		}
	}
	return ""
}

func TestEvents_RealPayloadsAreUnderstood(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join(shared(t), "corpus/aws/github-webhooks/*.json"))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Skip("SKIP: corpus/aws/github-webhooks not found; set STAGEDOOR_SHARED")
	}
	p := hosttest.New(t, `{"catalog": {"providers": {"github": {"a": {"organization": "Octocoders"}, "b": {"organization": "Codertocat"}}, "githubOrg": {"orgs": ["Octocoders"]}}}}`)
	if err := (github.Plugin{}).Init(t.Context(), p.Host); err != nil {
		t.Fatal(err)
	}
	a, b := p.Connect(t, "github-provider:a"), p.Connect(t, "github-provider:b")
	p.Connect(t, "GithubMultiOrgEntityProvider:default")
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		kind, _, _ := strings.Cut(filepath.Base(file), ".")
		if err := p.Send(t, "github", raw, map[string]string{"x-github-event": kind}); err != nil {
			t.Errorf("%s: %v", filepath.Base(file), err)
		}
		got := p.Triggered()
		if people := kind == "team" || kind == "membership" || kind == "organization"; people && len(got) != 1 {
			t.Errorf("%s triggered %v", filepath.Base(file), got)
		}
		added := 0
		for _, m := range append(a.Take(), b.Take()...) {
			added += len(m.Added)
		}
		if wants := strings.HasPrefix(filepath.Base(file), "repository.created") || strings.HasPrefix(filepath.Base(file), "repository.publicized"); wants && added != 1 {
			t.Errorf("%s added %d locations", filepath.Base(file), added)
		}
	}
}
