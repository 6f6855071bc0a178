package gitlab_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stagedoor/stagedoor/catalog"
	"github.com/stagedoor/stagedoor/integration/gitlab"
	"github.com/stagedoor/stagedoor/integration/internal/fail"
	"github.com/stagedoor/stagedoor/integration/internal/hosttest"
)

// project is a project as GitLab describes it.
func project(forge *hosttest.Forge, id int, path string, more object) object {
	p := object{"id": id, "path_with_namespace": path, "web_url": forge.URL + "/" + path, "default_branch": "main", "archived": false}
	for k, v := range more {
		p[k] = v
	}
	return p
}

// paged answers with a page and names the next one.
func paged(next string, items ...any) http.HandlerFunc {
	if items == nil {
		items = []any{}
	}
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Next-Page", next)
		hosttest.JSON(items)(w, r)
	}
}

// hasFile makes the catalog file of a project be there.
func hasFile(forge *hosttest.Forge, path, branch string, status int) {
	forge.On("HEAD /api/v4/projects/"+path+"/repository/files/catalog-info%2Eyaml?ref="+branch, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Gitlab-Size", "3")
		w.WriteHeader(status)
	})
}

func TestDiscovery_EmitsOneLocationPerProjectWithTheFile(t *testing.T) {
	t.Parallel()
	forge := hosttest.Serve(t)
	p := start(t, forge, fmt.Sprintf(`"catalog": {"providers": {"gitlab": {"x": {"host": %q, "group": "g",
		"projectPattern": "svc", "skipForkedRepos": true, "excludeRepos": ["g/svc-no"], "schedule": {"frequency": "10m"}}}}}`, forge.Host))
	list := "GET /api/v4/groups/g/projects?archived=false&include_subgroups=true&"
	forge.On(list+"page=1&per_page=100&with_shared=false", forge.With("Authorization", "Bearer glpat-x", paged("2",
		project(forge, 1, "g/svc-a", nil), project(forge, 2, "g/other", nil), project(forge, 3, "g/svc-no", nil), project(forge, 4, "other/svc", nil))))
	forge.On(list+"page=2&per_page=100&with_shared=false", paged("",
		project(forge, 5, "g/sub/svc-b", object{"default_branch": nil}), project(forge, 6, "g/svc-fork", object{"forked_from_project": object{"id": 1}}),
		project(forge, 7, "g/svc-without", nil), project(forge, 8, "g/svc-hidden", nil)))
	hasFile(forge, "g%2Fsvc-a", "main", 200)
	hasFile(forge, "g%2Fsub%2Fsvc-b", "master", 200)
	hasFile(forge, "g%2Fsvc-without", "main", 404)
	hasFile(forge, "g%2Fsvc-hidden", "main", 403)
	conn := p.Connect(t, "GitlabDiscoveryEntityProvider:x")
	if task := p.Tasks[0]; task.Every.Minutes() != 10 || task.Timeout.Minutes() != 3 {
		t.Errorf("task %+v", task)
	}
	if err := p.Run(t, "GitlabDiscoveryEntityProvider:x:refresh"); err != nil {
		t.Fatal(err)
	}
	got := conn.Take()
	want := []string{forge.URL + "/g/sub/svc-b/-/blob/master/catalog-info.yaml", forge.URL + "/g/svc-a/-/blob/main/catalog-info.yaml"}
	if diff := cmp.Diff(want, hosttest.Targets(got[0].Added)); diff != "" || !got[0].Full {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestDiscovery_ByGroupPatternsAndTopics(t *testing.T) {
	t.Parallel()
	forge := hosttest.Serve(t)
	p := start(t, forge, fmt.Sprintf(`"catalog": {"providers": {"gitlab": {"x": {"host": %q, "groupPattern": ["^a$", "^b"], "branch": "dev",
		"topics": "go", "includeArchivedRepos": true}}}}`, forge.Host))
	forge.On("GET /api/v4/groups?page=1&per_page=100", paged("", object{"id": 1, "full_path": "a"}, object{"id": 2, "full_path": "b/c"}, object{"id": 3, "full_path": "d"}))
	forge.On("GET /api/v4/groups/a/projects?include_subgroups=true&page=1&per_page=100&topic=go&with_shared=false", paged("", project(forge, 1, "a/p", object{"archived": true})))
	forge.On("GET /api/v4/groups/b%2Fc/projects?include_subgroups=true&page=1&per_page=100&topic=go&with_shared=false",
		paged("", project(forge, 1, "a/p", nil), project(forge, 2, "b/c/p", nil)))
	hasFile(forge, "a%2Fp", "dev", 200)
	hasFile(forge, "b%2Fc%2Fp", "dev", 200)
	conn := p.Connect(t, "GitlabDiscoveryEntityProvider:x")
	if err := p.Run(t, "GitlabDiscoveryEntityProvider:x:refresh"); err != nil {
		t.Fatal(err)
	}
	want := []string{forge.URL + "/a/p/-/blob/dev/catalog-info.yaml", forge.URL + "/b/c/p/-/blob/dev/catalog-info.yaml"}
	if diff := cmp.Diff(want, hosttest.Targets(conn.Take()[0].Added)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestDiscovery_ARunThatFailsChangesNothing(t *testing.T) {
	t.Parallel()
	for name, break1 := range map[string]func(*hosttest.Forge){
		"the second page fails": func(f *hosttest.Forge) {
			f.On("GET /api/v4/projects?archived=false&page=2&per_page=100", hosttest.Status(500, "oops"))
		},
		"the same page again": func(f *hosttest.Forge) {
			f.On("GET /api/v4/projects?archived=false&page=2&per_page=100", paged("2"))
		},
		"a file cannot be asked for": func(f *hosttest.Forge) {
			f.On("GET /api/v4/projects?archived=false&page=2&per_page=100", paged(""))
			hasFile(f, "g%2Fa", "main", 500)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			forge := hosttest.Serve(t)
			p := start(t, forge, fmt.Sprintf(`"catalog": {"providers": {"gitlab": {"x": {"host": %q}}}}`, forge.Host))
			forge.On("GET /api/v4/projects?archived=false&page=1&per_page=100", paged("2", project(forge, 1, "g/a", nil)))
			break1(forge)
			conn := p.Connect(t, "GitlabDiscoveryEntityProvider:x")
			code(t, p.Run(t, "GitlabDiscoveryEntityProvider:x:refresh"), fail.Unavailable)
			if got := conn.Take(); len(got) != 0 {
				t.Errorf("the catalog was changed: %+v", got)
			}
		})
	}
}

func member(id int, name string, more object) object {
	m := object{"id": id, "username": name, "name": name, "state": "active", "web_url": "https://g/" + name, "avatar_url": "", "is_using_seat": true}
	for k, v := range more {
		m[k] = v
	}
	return m
}

// groupsOf answers with a group org/teams and two groups below.
func groupsOf(forge *hosttest.Forge) {
	forge.On("GET /api/v4/groups/org%2Fteams?with_projects=false", hosttest.JSON(object{"id": 10, "full_path": "org/teams", "name": "Teams", "description": "All"}))
	forge.On("GET /api/v4/groups/org%2Fteams/descendant_groups?page=1&per_page=100", paged("",
		object{"id": 11, "full_path": "org/teams/eng", "name": "Engineering", "parent_id": 10}, object{"id": 12, "full_path": "org/teams/eng/core", "name": "Core", "parent_id": 11}))
	forge.On("GET /api/v4/groups/org%2Fteams/members?page=1&per_page=100", paged(""))
	forge.On("GET /api/v4/groups/org%2Fteams%2Feng/members?page=1&per_page=100", paged("", member(1, "ann", nil)))
	forge.On("GET /api/v4/groups/org%2Fteams%2Feng%2Fcore/members?page=1&per_page=100", paged("", member(2, "bob", nil), member(9, "stranger", nil)))
}

// summary renders what matters of people.
func summary(deferred []catalog.Deferred) map[string]any {
	out := map[string]any{}
	for _, d := range deferred {
		key := "parent"
		if d.Entity.Kind() == "User" {
			key = "memberOf"
		}
		out[d.Entity.Ref().String()] = d.Entity.Spec()[key]
	}
	return out
}

func TestPeople_OnAHostOfOnesOwn(t *testing.T) {
	t.Parallel()
	forge := hosttest.Serve(t)
	p := start(t, forge, fmt.Sprintf(`"catalog": {"providers": {"gitlab": {"x": {"host": %q, "group": "org/teams", "orgEnabled": true, "userPattern": "^[^z]"}}}}`, forge.Host))
	groupsOf(forge)
	forge.On("GET /api/v4/users?active=true&exclude_internal=true&page=1&per_page=100&without_project_bots=true", paged("",
		member(1, "ann", object{"email": "ann@x.example", "avatar_url": "https://img/ann"}), member(2, "bob", nil), member(3, "zoe", nil),
		member(4, "gone", object{"state": "blocked"}), member(5, "group_7_bot_abc", nil)))
	conn := p.Connect(t, "GitlabOrgDiscoveryEntityProvider:x")
	if err := p.Run(t, "GitlabOrgDiscoveryEntityProvider:x:refresh"); err != nil {
		t.Fatal(err)
	}
	got := conn.Take()[0].Added
	want := map[string]any{
		"user:default/ann": []any{"eng"}, "user:default/bob": []any{"eng-core"},
		"group:default/org-teams": nil, "group:default/eng": "org-teams", "group:default/eng-core": "eng",
	}
	if diff := cmp.Diff(want, summary(got)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	ann := catalog.Entity{
		"apiVersion": "backstage.io/v1alpha1", "kind": "User",
		"metadata": object{"name": "ann", "annotations": object{
			"backstage.io/managed-by-location": "url:" + forge.URL + "/ann", "backstage.io/managed-by-origin-location": "url:" + forge.URL + "/ann",
			forge.Host + "/user-login": "https://g/ann",
		}},
		"spec": object{"profile": object{"displayName": "ann", "email": "ann@x.example", "picture": "https://img/ann"}, "memberOf": []any{"eng"}},
	}
	if diff := cmp.Diff(ann, got[0].Entity); diff != "" || got[0].LocationKey != "GitlabOrgDiscoveryEntityProvider:x" {
		t.Errorf("key %q (-want +got)\n%s", got[0].LocationKey, diff)
	}
}

func TestPeople_OnGitLabComComeFromTheRootGroupWithASeat(t *testing.T) {
	t.Parallel()
	forge := hosttest.Serve(t)
	p := hosttest.New(t, fmt.Sprintf(`{"integrations": {"gitlab": [{"host": "gitlab.com", "apiBaseUrl": %q, "token": "t"}]},
		"catalog": {"providers": {"gitlab": {"x": {"group": "org/teams", "orgEnabled": true, "relations": ["DIRECT", "DESCENDANTS"], "groupPattern": "eng"}}}}}`, forge.URL+"/api/v4"))
	if err := (gitlab.Plugin{}).Init(t.Context(), p.Host); err != nil {
		t.Fatal(err)
	}
	groupsOf(forge)
	forge.On("GET /api/v4/groups/org/members/all?page=1&per_page=100&show_seat_info=true", paged("",
		member(1, "ann", object{"group_saml_identity": object{"extern_uid": "s1"}}), member(1, "ann", nil), member(2, "bob", nil), member(3, "free", object{"is_using_seat": false})))
	conn := p.Connect(t, "GitlabOrgDiscoveryEntityProvider:x")
	if err := p.Run(t, "GitlabOrgDiscoveryEntityProvider:x:refresh"); err != nil {
		t.Fatal(err)
	}
	got := conn.Take()[0].Added
	want := map[string]any{
		"user:default/ann": []any{"eng"}, "user:default/bob": []any{"eng", "eng-core"}, "group:default/eng": nil, "group:default/eng-core": "eng",
	}
	if diff := cmp.Diff(want, summary(got)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if got := got[0].Entity.Annotation("gitlab.com/saml-external-uid"); got != "s1" {
		t.Errorf("SAML id %q", got)
	}
}

func TestPeople_OfGroupsThatAGroupIsSharedWith(t *testing.T) {
	t.Parallel()
	forge := hosttest.Serve(t)
	p := start(t, forge, fmt.Sprintf(`"catalog": {"providers": {"gitlab": {"x": {"host": %q, "group": "org/teams", "orgEnabled": true, "relations": ["DIRECT", "SHARED_FROM_GROUPS"]}}}}`, forge.Host))
	groupsOf(forge)
	forge.On("GET /api/v4/groups/org%2Fteams%2Feng?with_projects=false", hosttest.JSON(object{"id": 11, "full_path": "org/teams/eng", "shared_with_groups": []any{object{"group_full_path": "guests"}}}))
	forge.On("GET /api/v4/groups/org%2Fteams%2Feng%2Fcore?with_projects=false", hosttest.JSON(object{"id": 12, "full_path": "org/teams/eng/core"}))
	forge.On("GET /api/v4/groups/guests/members?page=1&per_page=100", paged("", member(2, "bob", nil)))
	forge.On("GET /api/v4/users?active=true&exclude_internal=true&page=1&per_page=100&without_project_bots=true", paged("", member(2, "bob", nil)))
	conn := p.Connect(t, "GitlabOrgDiscoveryEntityProvider:x")
	if err := p.Run(t, "GitlabOrgDiscoveryEntityProvider:x:refresh"); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]any{"eng", "eng-core"}, summary(conn.Take()[0].Added)["user:default/bob"]); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestPeople_ARunThatFailsChangesNothing(t *testing.T) {
	t.Parallel()
	forge := hosttest.Serve(t)
	p := start(t, forge, fmt.Sprintf(`"catalog": {"providers": {"gitlab": {"x": {"host": %q, "group": "org/teams", "orgEnabled": true, "restrictUsersToGroup": true}}}}`, forge.Host))
	groupsOf(forge)
	forge.On("GET /api/v4/groups/org%2Fteams/members/all?page=1&per_page=100", paged("", member(1, "ann", nil)))
	forge.On("GET /api/v4/groups/org%2Fteams%2Feng/members?page=1&per_page=100", hosttest.Status(503, "later"))
	conn := p.Connect(t, "GitlabOrgDiscoveryEntityProvider:x")
	code(t, p.Run(t, "GitlabOrgDiscoveryEntityProvider:x:refresh"), fail.Unavailable)
	if got := conn.Take(); len(got) != 0 {
		t.Errorf("the catalog was changed: %+v", got)
	}
}
