package gitlab_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stagedoor/stagedoor/integration/gitlab"
	"github.com/stagedoor/stagedoor/integration/internal/fail"
	"github.com/stagedoor/stagedoor/integration/internal/hosttest"
)

func TestVerify_AdmitsOnlyTheSecret(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ config, token, want string }{
		"the secret":     {`{"events": {"modules": {"gitlab": {"webhookSecret": "s"}}}}`, "s", ""},
		"another secret": {`{"events": {"modules": {"gitlab": {"webhookSecret": "s"}}}}`, "x", fail.Forbidden},
		"no token":       {`{"events": {"modules": {"gitlab": {"webhookSecret": "s"}}}}`, "", fail.Forbidden},
		"no secret here": {`{}`, "", fail.Forbidden},
	} {
		p := hosttest.New(t, tc.config)
		if err := (gitlab.Plugin{}).Init(t.Context(), p.Host); err != nil {
			t.Fatal(err)
		}
		err := p.Checks["gitlab"](t.Context(), http.Header{"X-Gitlab-Token": {tc.token}}, []byte("{}"))
		if fail.Code(err) != tc.want {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func push(t *testing.T, p *hosttest.Portal, body object) {
	t.Helper()
	raw, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Send(t, "gitlab", raw, map[string]string{"x-gitlab-event": "Push Hook"}); err != nil {
		t.Error(err)
	}
}

func TestEvents_APushRefreshesAndAdjusts(t *testing.T) {
	t.Parallel()
	forge := hosttest.Serve(t)
	p := start(t, forge, fmt.Sprintf(`"catalog": {"providers": {"gitlab": {"x": {"host": %q, "group": "g"}}}}`, forge.Host))
	conn, refresher := p.Connect(t, "GitlabDiscoveryEntityProvider:x"), p.Connect(t, "gitlab-events")
	forge.On("GET /api/v4/projects/g%2Fp", hosttest.JSON(project(forge, 1, "g/p", nil)))
	at := forge.URL + "/g/p/-/blob/main/catalog-info.yaml"
	event := func(commits ...any) object {
		return object{
			"object_kind": "push", "ref": "refs/heads/main", "before": "b", "after": "a", "total_commits_count": len(commits), "commits": commits,
			"project": object{"web_url": forge.URL + "/g/p", "path_with_namespace": "g/p", "default_branch": "main"},
		}
	}
	push(t, p, event(object{"added": []any{"catalog-info.yaml"}, "modified": []any{}, "removed": []any{}}))
	if got := conn.Take(); len(got) != 1 || got[0].Cause.Commit != "a" || cmp.Diff([]string{at}, hosttest.Targets(got[0].Added)) != "" {
		t.Errorf("a file that was added: %+v", got)
	}
	refresher.Refreshed()
	push(t, p, event(object{"removed": []any{"catalog-info.yaml"}}))
	if got := conn.Take(); len(got) != 1 || cmp.Diff([]string{at}, hosttest.Targets(got[0].Removed)) != "" {
		t.Errorf("a file that was removed: %+v", got)
	}
	refresher.Refreshed()
	push(t, p, event(object{"modified": []any{"api.yaml"}}))
	want := []string{}
	for _, kind := range []string{"/-/blob/HEAD", "/-/blob/main", "/-/tree/HEAD", "/-/tree/main", "/blob/HEAD", "/blob/main"} {
		want = append(want, "url:"+forge.URL+"/g/p"+kind+"/api.yaml")
	}
	if diff := cmp.Diff(want, refresher.Refreshed()); diff != "" {
		t.Errorf("a file that was changed (-want +got)\n%s", diff)
	}
	if got := conn.Take(); len(got) != 0 {
		t.Errorf("a changed file changed the set: %+v", got)
	}
	other := event(object{"added": []any{"catalog-info.yaml"}})
	other["ref"] = "refs/heads/dev"
	push(t, p, other)
	if got := conn.Take(); len(got) != 0 {
		t.Errorf("another branch: %+v", got)
	}
}

func TestEvents_ALongPushIsCompared(t *testing.T) {
	t.Parallel()
	forge := hosttest.Serve(t)
	p := start(t, forge, "")
	refresher := p.Connect(t, "gitlab-events")
	forge.On("GET /api/v4/projects/g%2Fp/repository/compare?from=b&straight=true&to=a", hosttest.JSON(object{"diffs": []any{
		object{"old_path": "x.yaml", "new_path": "x.yaml"}, object{"old_path": "old.yaml", "new_path": "new.yaml", "renamed_file": true},
	}}))
	push(t, p, object{
		"object_kind": "push", "ref": "refs/heads/dev", "before": "b", "after": "a", "total_commits_count": 40, "commits": []any{},
		"project": object{"web_url": forge.URL + "/g/p", "path_with_namespace": "g/p", "default_branch": "main"},
	})
	if got := refresher.Refreshed(); len(got) != 9 {
		t.Errorf("refreshed %v", got)
	}
}

func TestEvents_SystemHooksMakeThingsBeReadAgain(t *testing.T) {
	t.Parallel()
	p := hosttest.New(t, `{"catalog": {"providers": {"gitlab": {"x": {"group": "g", "orgEnabled": true}}}}}`)
	if err := (gitlab.Plugin{}).Init(t.Context(), p.Host); err != nil {
		t.Fatal(err)
	}
	p.Connect(t, "GitlabDiscoveryEntityProvider:x")
	p.Connect(t, "GitlabOrgDiscoveryEntityProvider:x")
	for name, want := range map[string][]string{
		"project_create":    {"GitlabDiscoveryEntityProvider:x:refresh"},
		"project_rename":    {"GitlabDiscoveryEntityProvider:x:refresh"},
		"user_add_to_group": {"GitlabOrgDiscoveryEntityProvider:x:refresh"},
		"group_destroy":     {"GitlabOrgDiscoveryEntityProvider:x:refresh"},
		"key_create":        nil,
	} {
		push(t, p, object{"event_name": name})
		if diff := cmp.Diff(want, p.Triggered()); diff != "" {
			t.Errorf("%s (-want +got)\n%s", name, diff)
		}
	}
}

func TestEvents_APushOfAFileThatMatchesAPatternReadsTheLocationAgain(t *testing.T) {
	t.Parallel()
	forge := hosttest.Serve(t)
	p := start(t, forge, fmt.Sprintf(`"catalog": {"providers": {"gitlab": {"x": {"host": %q, "entityFilename": "**/c.yaml"}}}}`, forge.Host))
	conn, refresher := p.Connect(t, "GitlabDiscoveryEntityProvider:x"), p.Connect(t, "gitlab-events")
	push(t, p, object{
		"object_kind": "push", "ref": "refs/heads/main", "total_commits_count": 1, "commits": []any{object{"added": []any{"svc/c.yaml"}}},
		"project": object{"web_url": forge.URL + "/g/p", "path_with_namespace": "g/p", "default_branch": "main"},
	})
	if got := conn.Take(); len(got) != 0 {
		t.Errorf("the set was changed: %+v", got)
	}
	want := "url:" + forge.URL + "/g/p/-/blob/main/**/c.yaml"
	if got := refresher.Refreshed(); !slices.Contains(got, want) {
		t.Errorf("refreshed %v, want %s", got, want)
	}
	if diff := cmp.Diff([]string{"GitlabDiscoveryEntityProvider:x:refresh"}, p.Triggered()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}
