package github

import (
	"slices"
	"strings"

	"github.com/stagedoor/stagedoor/catalog"
	"github.com/stagedoor/stagedoor/integration/internal/discovery"
)

// user and team are what the queries return.
type user struct {
	ID        string   `json:"id"`
	Login     string   `json:"login"`
	Name      string   `json:"name"`
	Bio       string   `json:"bio"`
	Email     string   `json:"email"`
	AvatarURL string   `json:"avatarUrl"`
	Suspended string   `json:"suspendedAt"`
	Verified  []string `json:"organizationVerifiedDomainEmails"`
}

type team struct {
	Slug         string `json:"slug"`
	CombinedSlug string `json:"combinedSlug"`
	Name         string `json:"name"`
	Description  string `json:"description"`
	AvatarURL    string `json:"avatarUrl"`
	EditURL      string `json:"editTeamUrl"`
	Parent       *struct {
		Slug string `json:"slug"`
	} `json:"parentTeam"`
	Members struct {
		PageInfo pageInfo `json:"pageInfo"`
		Nodes    []*struct {
			Login string `json:"login"`
		} `json:"nodes"`
	} `json:"members"`

	logins []string
}

// book turns people of several organisations into entities. A person in two of
// them is one entity.
type book struct {
	origin   string
	ns       namespaces
	verified bool
	users    map[string]catalog.Entity
	order    []string
	groups   []catalog.Entity
}

func newBook(origin string, ns namespaces, verified bool) *book {
	return &book{origin: origin, ns: ns, verified: verified, users: map[string]catalog.Entity{}}
}

// add takes in one organisation. Suspended users were left out before.
func (b *book) add(org string, users []user, teams []team) {
	userSpace, groupSpace := b.ns.of(org)
	for _, u := range users {
		key := userSpace + "/" + strings.ToLower(u.Login)
		if _, ok := b.users[key]; !ok {
			b.users[key] = b.user(u, userSpace)
			b.order = append(b.order, key)
		}
	}
	children := map[string][]any{}
	for _, t := range teams {
		if t.Parent != nil {
			children[t.Parent.Slug] = append(children[t.Parent.Slug], t.Slug)
		}
	}
	for _, t := range teams {
		members := []any{}
		for _, login := range t.logins {
			name := login
			if userSpace != groupSpace {
				name = userSpace + "/" + login
			}
			members = append(members, name)
			if u := b.users[userSpace+"/"+strings.ToLower(login)]; u != nil {
				joinGroup(u, userSpace, groupSpace, t.Slug)
			}
		}
		b.groups = append(b.groups, b.group(org, t, groupSpace, members, children[t.Slug]))
	}
}

// joinGroup adds a group to a user's memberships.
func joinGroup(u catalog.Entity, userSpace, groupSpace, slug string) {
	name := slug
	if userSpace != groupSpace {
		name = "group:" + groupSpace + "/" + slug
	}
	memberOf, _ := u.Spec()["memberOf"].([]any)
	if !slices.Contains(memberOf, any(name)) {
		u.Spec()["memberOf"] = append(memberOf, name)
	}
}

func (b *book) user(u user, namespace string) catalog.Entity {
	annotations := discovery.Managed("url:" + b.origin + "/" + u.Login)
	annotations["github.com/user-login"] = u.Login
	put(annotations, "github.com/user-id", u.ID)
	meta := map[string]any{"name": u.Login, "annotations": annotations}
	put(meta, "description", u.Bio)
	if namespace != catalog.DefaultNamespace {
		meta["namespace"] = namespace
	}
	profile := map[string]any{}
	put(profile, "displayName", u.Name)
	put(profile, "email", u.Email)
	if b.verified && len(u.Verified) > 0 {
		profile["email"] = u.Verified[0]
	}
	put(profile, "picture", u.AvatarURL)
	return catalog.Entity{
		"apiVersion": "backstage.io/v1alpha1", "kind": "User", "metadata": meta,
		"spec": map[string]any{"profile": profile, "memberOf": []any{}},
	}
}

func (b *book) group(org string, t team, namespace string, members, children []any) catalog.Entity {
	annotations := discovery.Managed("url:" + b.origin + "/orgs/" + org + "/teams/" + t.Slug)
	slug := t.CombinedSlug
	if slug == "" {
		slug = org + "/" + t.Slug
	}
	annotations["github.com/team-slug"] = slug
	put(annotations, catalog.AnnotationEditURL, t.EditURL)
	meta := map[string]any{"name": t.Slug, "annotations": annotations}
	put(meta, "description", t.Description)
	if namespace != catalog.DefaultNamespace {
		meta["namespace"] = namespace
	}
	profile := map[string]any{}
	put(profile, "displayName", t.Name)
	put(profile, "picture", t.AvatarURL)
	if children == nil {
		children = []any{}
	}
	spec := map[string]any{"type": "team", "profile": profile, "children": children, "members": members}
	if t.Parent != nil {
		put(spec, "parent", t.Parent.Slug)
	}
	return catalog.Entity{"apiVersion": "backstage.io/v1alpha1", "kind": "Group", "metadata": meta, "spec": spec}
}

// entities returns users and groups in the order in which they came.
func (b *book) entities(locationKey string) []catalog.Deferred {
	var out []catalog.Deferred
	for _, key := range b.order {
		out = append(out, catalog.Deferred{Entity: b.users[key], LocationKey: locationKey})
	}
	for _, g := range b.groups {
		out = append(out, catalog.Deferred{Entity: g, LocationKey: locationKey})
	}
	return out
}

// put sets what is not empty.
func put(m map[string]any, key, value string) {
	if value != "" {
		m[key] = value
	}
}
