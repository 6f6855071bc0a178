package github_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stagedoor/stagedoor/catalog"
	"github.com/stagedoor/stagedoor/integration/github"
	"github.com/stagedoor/stagedoor/integration/internal/fail"
	"github.com/stagedoor/stagedoor/integration/internal/hosttest"
)

func parse(t *testing.T, target string) *url.URL {
	t.Helper()
	u, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// graphQL answers queries by their name.
func graphQL(t *testing.T, forge *hosttest.Forge, answer func(name string, v map[string]any) any) {
	forge.On("POST /api/graphql", func(w http.ResponseWriter, r *http.Request) {
		var body struct {
			Query     string         `json:"query"`
			Variables map[string]any `json:"variables"`
		}
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
			t.Errorf("GraphQL request: %v", err)
		}
		name, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimSpace(body.Query), "query "), "(")
		if strings.Contains(body.Query, "suspendedAt") {
			name += "+suspended"
		}
		hosttest.JSON(answer(name, body.Variables))(w, r)
	})
}

func data(v any) any { return map[string]any{"data": v} }

type object = map[string]any

func repositoriesPage(next string, nodes ...object) any {
	list := []any{}
	for _, n := range nodes {
		list = append(list, n)
	}
	return data(object{"repositoryOwner": object{"repositories": object{
		"pageInfo": object{"hasNextPage": next != "", "endCursor": next}, "nodes": list,
	}}})
}

func node(forge *hosttest.Forge, name string, more object) object {
	n := object{
		"name": name, "url": forge.URL + "/o/" + name, "isArchived": false, "isFork": false, "visibility": "PUBLIC",
		"defaultBranchRef": object{"name": "main"}, "repositoryTopics": object{"nodes": []any{}},
	}
	for k, v := range more {
		n[k] = v
	}
	return n
}

func topics(names ...string) object {
	list := []any{}
	for _, n := range names {
		list = append(list, object{"topic": object{"name": n}})
	}
	return object{"nodes": list}
}

func TestDiscovery_EmitsOneLocationPerMatchingRepository(t *testing.T) {
	t.Parallel()
	forge := hosttest.Serve(t)
	p := start(t, forge, fmt.Sprintf(`"catalog": {"providers": {"github": {
		"host": %q, "organization": "o", "schedule": {"frequency": {"minutes": 5}, "timeout": "PT1M", "initialDelay": "1s"}, "pageSizes": {"repositories": 2}}}}`, forge.Host))
	pages := map[any]any{
		nil: repositoriesPage("c1", node(forge, "a", nil), node(forge, "archived", object{"isArchived": true})),
		"c1": repositoriesPage("", node(forge, "fork", object{"isFork": true, "defaultBranchRef": object{"name": "dev/x"}}),
			node(forge, "empty", object{"defaultBranchRef": nil})),
	}
	graphQL(t, forge, func(name string, v map[string]any) any {
		if name != "repositories" || v["owner"] != "o" || v["size"] != 2.0 || v["validate"] != false {
			t.Errorf("query %s %v", name, v)
		}
		return pages[v["after"]]
	})
	conn := p.Connect(t, "github-provider:default")
	task := p.Tasks[0]
	if task.ID != "github-provider:default:refresh" || task.Every.Minutes() != 5 || task.Timeout.Minutes() != 1 || task.InitialDelay.Seconds() != 1 || task.Local {
		t.Errorf("task %+v", task)
	}
	if err := p.Run(t, task.ID); err != nil {
		t.Fatal(err)
	}
	got := conn.Take()
	if len(got) != 1 || !got[0].Full {
		t.Fatalf("mutations %+v", got)
	}
	want := []string{forge.URL + "/o/a/blob/main/catalog-info.yaml", forge.URL + "/o/fork/blob/dev/x/catalog-info.yaml"}
	if diff := cmp.Diff(want, hosttest.Targets(got[0].Added)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if key := got[0].Added[0].LocationKey; key != "github-provider:default" {
		t.Errorf("location key %q", key)
	}
}

func TestDiscovery_NamesLocationsAsBackstageDoes(t *testing.T) {
	t.Parallel()
	forge := hosttest.Serve(t)
	p := start(t, forge, fmt.Sprintf(`"catalog": {"providers": {"github": {"x": {"host": %q, "organization": "o", "catalogPath": "/**/c.yaml"}}}}`, forge.Host))
	graphQL(t, forge, func(string, map[string]any) any {
		return repositoriesPage("", node(forge, "a", object{"url": "https://github.com/o/a"}))
	})
	conn := p.Connect(t, "github-provider:x")
	if err := p.Run(t, "github-provider:x:refresh"); err != nil {
		t.Fatal(err)
	}
	target := "https://github.com/o/a/blob/main/**/c.yaml"
	want := catalog.Entity{
		"apiVersion": "backstage.io/v1alpha1", "kind": "Location",
		"metadata": map[string]any{
			"name": "generated-" + sha1Hex("url:"+target),
			"annotations": map[string]any{
				"backstage.io/managed-by-location": "url:" + target, "backstage.io/managed-by-origin-location": "url:" + target,
			},
		},
		"spec": map[string]any{"type": "url", "target": target, "presence": "optional"},
	}
	if diff := cmp.Diff(want, conn.Take()[0].Added[0].Entity); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestDiscovery_Filters(t *testing.T) {
	t.Parallel()
	all := func(forge *hosttest.Forge) []object {
		return []object{
			node(forge, "svc-cart", object{"repositoryTopics": topics("backstage", "go")}),
			node(forge, "svc-old", object{"repositoryTopics": topics("backstage", "legacy"), "isArchived": true}),
			node(forge, "lib", object{"visibility": "PRIVATE", "isFork": true, "catalogFile": object{"__typename": "Blob", "byteSize": 0}}),
			node(forge, "svc-secret", object{"visibility": "INTERNAL", "catalogFile": object{"__typename": "Blob", "byteSize": 9}}),
		}
	}
	for name, tc := range map[string]struct {
		config string
		want   []string
	}{
		"by name, whole":           {`"filters": {"repository": "svc-.*"}`, []string{"svc-cart", "svc-secret"}},
		"by name, with lookahead":  {`"filters": {"repository": "(?!svc).*"}`, []string{"lib"}},
		"by topic":                 {`"filters": {"topic": {"include": ["backstage"]}, "allowArchived": true}`, []string{"svc-cart", "svc-old"}},
		"without a topic":          {`"filters": {"topic": {"exclude": ["legacy"]}, "allowArchived": true}`, []string{"lib", "svc-cart", "svc-secret"}},
		"exclusion wins":           {`"filters": {"topic": {"include": ["backstage"], "exclude": ["go"]}}`, nil},
		"no forks":                 {`"filters": {"allowForks": false}`, []string{"svc-cart", "svc-secret"}},
		"by visibility":            {`"filters": {"visibility": ["private", "internal"]}`, []string{"lib", "svc-secret"}},
		"only with a catalog file": {`"validateLocationsExist": true`, []string{"svc-secret"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			forge := hosttest.Serve(t)
			p := start(t, forge, fmt.Sprintf(`"catalog": {"providers": {"github": {"host": %q, "organization": "o", %s}}}`, forge.Host, tc.config))
			graphQL(t, forge, func(_ string, v map[string]any) any {
				if v["validate"] == true && v["file"] != "HEAD:catalog-info.yaml" {
					t.Errorf("file %v", v["file"])
				}
				return repositoriesPage("", all(forge)...)
			})
			conn := p.Connect(t, "github-provider:default")
			if err := p.Run(t, "github-provider:default:refresh"); err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, target := range hosttest.Targets(conn.Take()[0].Added) {
				got = append(got, strings.Split(strings.TrimPrefix(target, forge.URL+"/o/"), "/")[0])
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestDiscovery_ARunThatFailsChangesNothing(t *testing.T) {
	t.Parallel()
	for name, second := range map[string]any{
		"an error on the second page":      object{"errors": []any{object{"type": "SERVICE", "message": "timeout"}}},
		"data beside an error":             object{"data": object{"repositoryOwner": nil}, "errors": []any{object{"type": "FORBIDDEN", "message": "SAML"}}},
		"no data":                          object{"data": nil},
		"a repository that was left out":   data(object{"repositoryOwner": object{"repositories": object{"pageInfo": object{"hasNextPage": false}, "nodes": []any{nil}}}}),
		"the same page again":              repositoriesPage("c1"),
		"an organisation that is not seen": data(object{"repositoryOwner": nil}),
		"a rate limit":                     object{"errors": []any{object{"type": "RATE_LIMITED", "message": "API rate limit exceeded"}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			forge := hosttest.Serve(t)
			p := start(t, forge, fmt.Sprintf(`"catalog": {"providers": {"github": {"host": %q, "organization": "o"}}}`, forge.Host))
			graphQL(t, forge, func(_ string, v map[string]any) any {
				if v["after"] == nil {
					return repositoriesPage("c1", node(forge, "a", nil))
				}
				return second
			})
			conn := p.Connect(t, "github-provider:default")
			if err := p.Run(t, "github-provider:default:refresh"); fail.Code(err) == "" {
				t.Errorf("error without a code: %v", err)
			}
			if got := conn.Take(); len(got) != 0 {
				t.Errorf("the catalog was changed: %+v", got)
			}
		})
	}
}

func TestDiscovery_ADisabledProviderIsNotThere(t *testing.T) {
	t.Parallel()
	p := hosttest.New(t, `{"catalog": {"providers": {"github": {"organization": "o"}}, "providerOptions": {"github-provider:default": {"disabled": true}}}}`)
	if err := (github.Plugin{}).Init(t.Context(), p.Host); err != nil {
		t.Fatal(err)
	}
	if len(p.Tasks)+len(p.Providers) != 0 {
		t.Errorf("tasks %v, providers %v", p.Tasks, p.Providers)
	}
}

// people answers the queries of org data with two organisations that share a
// person, nested teams, and a team whose members take two pages.
func people(t *testing.T, forge *hosttest.Forge, suspended bool) {
	member := func(login string) any { return object{"login": login} }
	person := func(login string, more object) object {
		u := object{"id": "U_" + login, "login": login, "name": strings.ToUpper(login), "bio": "", "avatarUrl": "https://img.example/" + login}
		for k, v := range more {
			u[k] = v
		}
		return u
	}
	graphQL(t, forge, func(name string, v map[string]any) any {
		org := v["org"].(string)
		if (name == "users+suspended") != suspended && strings.HasPrefix(name, "users") {
			t.Errorf("query %s", name)
		}
		switch {
		case strings.HasPrefix(name, "users") && v["email"] != true:
			t.Errorf("a person's token may read e-mail addresses: %v", v)
		case strings.HasPrefix(name, "users") && v["after"] == nil:
			return data(object{"organization": object{"membersWithRole": object{"pageInfo": object{"hasNextPage": true, "endCursor": "u1"}, "nodes": []any{
				person("ann", object{"email": "ann@" + org, "organizationVerifiedDomainEmails": []any{"ann@verified.example"}, "bio": "Sails"}),
			}}}})
		case strings.HasPrefix(name, "users"):
			gone := object{}
			if suspended {
				gone["suspendedAt"] = "2026-01-01T00:00:00Z"
			}
			return data(object{"organization": object{"membersWithRole": object{"pageInfo": object{"hasNextPage": false}, "nodes": []any{person("bob-"+org, gone)}}}})
		case name == "teams":
			return data(object{"organization": object{"teams": object{"pageInfo": object{"hasNextPage": false}, "nodes": []any{
				object{
					"slug": "eng", "combinedSlug": org + "/eng", "name": "Engineering", "description": "All of it", "avatarUrl": "", "editTeamUrl": "https://g/edit", "parentTeam": nil,
					"members": object{"pageInfo": object{"hasNextPage": true, "endCursor": "m1"}, "nodes": []any{member("ann")}},
				},
				object{
					"slug": "core", "combinedSlug": org + "/core", "name": "Core", "parentTeam": object{"slug": "eng"},
					"members": object{"pageInfo": object{"hasNextPage": false}, "nodes": []any{}},
				},
			}}}})
		case name == "members" && v["team"] == "eng" && v["after"] == "m1":
			return data(object{"organization": object{"team": object{"members": object{"pageInfo": object{"hasNextPage": false}, "nodes": []any{member("bob-" + org)}}}}})
		}
		t.Errorf("unexpected query %s %v", name, v)
		return object{}
	})
}

func TestPeople_OneOrganisationLivesInTheDefaultNamespace(t *testing.T) {
	t.Parallel()
	forge := hosttest.Serve(t)
	p := start(t, forge, fmt.Sprintf(`"catalog": {"providers": {"githubOrg": {"id": "x", "githubUrl": %q, "orgs": ["acme"], "defaultUserTransformer": {"useVerifiedEmails": true}}}}`, forge.URL))
	people(t, forge, false)
	conn := p.Connect(t, "GithubMultiOrgEntityProvider:x")
	if err := p.Run(t, "GithubMultiOrgEntityProvider:x:refresh"); err != nil {
		t.Fatal(err)
	}
	at := func(path string) map[string]any {
		location := "url:https://" + forge.Host + path
		return map[string]any{"backstage.io/managed-by-location": location, "backstage.io/managed-by-origin-location": location}
	}
	ann, bob, eng, core := at("/ann"), at("/bob-acme"), at("/orgs/acme/teams/eng"), at("/orgs/acme/teams/core")
	ann["github.com/user-login"], ann["github.com/user-id"] = "ann", "U_ann"
	bob["github.com/user-login"], bob["github.com/user-id"] = "bob-acme", "U_bob-acme"
	eng["github.com/team-slug"], eng["backstage.io/edit-url"] = "acme/eng", "https://g/edit"
	core["github.com/team-slug"] = "acme/core"
	entity := func(kind string, meta, spec map[string]any) catalog.Entity {
		return catalog.Entity{"apiVersion": "backstage.io/v1alpha1", "kind": kind, "metadata": meta, "spec": spec}
	}
	want := []catalog.Entity{
		entity("User", object{"name": "ann", "annotations": ann, "description": "Sails"}, object{
			"profile": object{"displayName": "ANN", "email": "ann@verified.example", "picture": "https://img.example/ann"}, "memberOf": []any{"eng"},
		}),
		entity("User", object{"name": "bob-acme", "annotations": bob}, object{
			"profile": object{"displayName": "BOB-ACME", "picture": "https://img.example/bob-acme"}, "memberOf": []any{"eng"},
		}),
		entity("Group", object{"name": "eng", "annotations": eng, "description": "All of it"}, object{
			"type": "team", "profile": object{"displayName": "Engineering"}, "children": []any{"core"}, "members": []any{"ann", "bob-acme"},
		}),
		entity("Group", object{"name": "core", "annotations": core}, object{
			"type": "team", "profile": object{"displayName": "Core"}, "children": []any{}, "members": []any{}, "parent": "eng",
		}),
	}
	var got []catalog.Entity
	for _, d := range conn.Take()[0].Added {
		got = append(got, d.Entity)
		if d.LocationKey != "github-multi-org-provider:x" {
			t.Errorf("location key %q", d.LocationKey)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestPeople_OrganisationsHaveNamespacesOfTheirOwn(t *testing.T) {
	t.Parallel()
	forge := hosttest.Serve(t)
	p := start(t, forge, fmt.Sprintf(`"catalog": {
		"providers": {"githubOrg": [{"githubUrl": %q, "orgs": ["Acme", "Beta"], "excludeSuspendedUsers": true}]},
		"processors": {"githubMultiOrg": {"orgs": [{"name": "beta", "groupNamespace": "B"}]}}}`, forge.URL))
	people(t, forge, true)
	conn := p.Connect(t, "GithubMultiOrgEntityProvider:default")
	if err := p.Run(t, "GithubMultiOrgEntityProvider:default:refresh"); err != nil {
		t.Fatal(err)
	}
	got := map[string]any{}
	for _, d := range conn.Take()[0].Added {
		key := "members"
		if d.Entity.Kind() == "User" {
			key = "memberOf"
		}
		got[d.Entity.Ref().String()] = d.Entity.Spec()[key]
	}
	want := map[string]any{
		"user:default/ann": []any{"group:acme/eng", "group:b/eng"},
		"group:acme/eng":   []any{"default/ann"}, "group:acme/core": []any{},
		"group:b/eng": []any{"default/ann"}, "group:b/core": []any{},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestPeople_SuspensionsByREST(t *testing.T) {
	t.Parallel()
	forge := hosttest.Serve(t)
	p := start(t, forge, fmt.Sprintf(`"catalog": {"providers": {"githubOrg": {"githubUrl": %q, "orgs": ["acme"],
		"excludeSuspendedUsers": true, "experimental_checkForSuspendedUsersWithRest": true}}}`, forge.URL))
	people(t, forge, false)
	forge.On("GET /api/v3/users/ann", hosttest.JSON(object{"login": "ann", "suspended_at": "2026-01-01T00:00:00Z"}))
	forge.On("GET /api/v3/users/bob-acme", hosttest.JSON(object{"login": "bob-acme"}))
	conn := p.Connect(t, "GithubMultiOrgEntityProvider:default")
	if err := p.Run(t, "GithubMultiOrgEntityProvider:default:refresh"); err != nil {
		t.Fatal(err)
	}
	var refs []string
	for _, d := range conn.Take()[0].Added {
		refs = append(refs, d.Entity.Ref().String())
	}
	if diff := cmp.Diff([]string{"user:default/bob-acme", "group:default/eng", "group:default/core"}, refs); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestPeople_ARunThatFailsChangesNothing(t *testing.T) {
	t.Parallel()
	member := object{"pageInfo": object{"hasNextPage": false}, "nodes": []any{object{"login": "ann"}}}
	users := data(object{"organization": object{"membersWithRole": member}})
	team := object{"slug": "eng", "members": object{"pageInfo": object{"hasNextPage": true, "endCursor": "m1"}, "nodes": []any{}}}
	teams := func(next string, nodes ...any) any {
		return data(object{"organization": object{"teams": object{"pageInfo": object{"hasNextPage": next != "", "endCursor": next}, "nodes": nodes}}})
	}
	nothing := data(object{"organization": nil})
	for name, answers := range map[string]map[string]any{
		"an organisation that is not seen": {"users": nothing},
		"a member that was left out":       {"users": data(object{"organization": object{"membersWithRole": object{"nodes": []any{nil}}}})},
		"teams that may not be seen":       {"users": users, "teams": object{"errors": []any{object{"type": "FORBIDDEN", "message": "no"}}}},
		"no teams at all":                  {"users": users, "teams": nothing},
		"a team that was left out":         {"users": users, "teams": teams("", nil)},
		"the same page again":              {"users": users, "teams": teams("c1")},
		"a page that cannot be asked for":  {"users": users, "teams": data(object{"organization": object{"teams": object{"pageInfo": object{"hasNextPage": true}}}})},
		"a team that went away":            {"users": users, "teams": teams("", team), "members": data(object{"organization": object{"team": nil}})},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			forge := hosttest.Serve(t)
			p := start(t, forge, fmt.Sprintf(`"catalog": {"providers": {"githubOrg": {"githubUrl": %q, "orgs": ["acme"]}}}`, forge.URL))
			graphQL(t, forge, func(name string, _ map[string]any) any { return answers[name] })
			conn := p.Connect(t, "GithubMultiOrgEntityProvider:default")
			if err := p.Run(t, "GithubMultiOrgEntityProvider:default:refresh"); fail.Code(err) == "" {
				t.Errorf("error without a code: %v", err)
			}
			if got := conn.Take(); len(got) != 0 {
				t.Errorf("the catalog was changed: %+v", got)
			}
		})
	}
}

func TestPeople_WithoutOrganisationsAndAppsThereIsAnError(t *testing.T) {
	t.Parallel()
	forge := hosttest.Serve(t)
	p := start(t, forge, fmt.Sprintf(`"catalog": {"providers": {"githubOrg": {"githubUrl": %q}}}`, forge.URL))
	p.Connect(t, "GithubMultiOrgEntityProvider:default")
	code(t, p.Run(t, "GithubMultiOrgEntityProvider:default:refresh"), fail.Invalid)
	p.Config.Set(t, merge(t, `{}`, "integrations", object{"github": []any{object{"host": forge.Host, "apiBaseUrl": forge.URL}}}))
	code(t, p.Run(t, "GithubMultiOrgEntityProvider:default:refresh"), fail.NotFound)
}
