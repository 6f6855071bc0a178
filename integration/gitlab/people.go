package gitlab

import (
	"context"
	"maps"
	"regexp"
	"slices"
	"strings"

	sdk "gitlab.com/gitlab-org/api/client-go"

	"github.com/stagedoor/stagedoor/catalog"
	"github.com/stagedoor/stagedoor/integration/internal/discovery"
)

// bot recognises the users that GitLab makes for access tokens.
var bot = regexp.MustCompile(`^(project|group)_\d+_bot(_\w+)?$`)

// person is a user of either of GitLab's lists.
type person struct {
	id                                                    int64
	username, name, email, avatar, webURL, samlUID, state string
}

// readPeople is one full run. It hands over nothing before everything is read.
func (in *integration) readPeople(ctx context.Context, p provider) error {
	s, err := in.providerSettings(p.entry)
	if err != nil {
		return err
	}
	f := in.hosts.byHost(s.Host)
	groups, err := f.groups(ctx, &s)
	if err != nil {
		return err
	}
	people, err := f.people(ctx, &s)
	if err != nil {
		return err
	}
	members := map[string][]int64{}
	for _, g := range groups {
		if members[g.FullPath], err = f.members(ctx, g.FullPath); err != nil {
			return err
		}
	}
	if slices.Contains(s.Relations, "SHARED_FROM_GROUPS") {
		if err := f.shared(ctx, groups, members); err != nil {
			return err
		}
	}
	var out []catalog.Deferred
	for _, e := range f.entities(&s, people, groups, spread(members, s.Relations)) {
		out = append(out, catalog.Deferred{Entity: e, LocationKey: p.Name()})
	}
	return p.Replace(ctx, out)
}

// groups lists the configured group and everything below, or all groups.
func (f *forge) groups(ctx context.Context, s *providerSettings) ([]*sdk.Group, error) {
	if s.Group == "" {
		return pages("list the groups of "+f.settings.Host, func(page int64) ([]*sdk.Group, *sdk.Response, error) {
			return f.client.Groups.ListGroups(&sdk.ListGroupsOptions{ListOptions: sdk.ListOptions{Page: page, PerPage: 100}}, sdk.WithContext(ctx))
		})
	}
	root, err := f.oneGroup(ctx, s.Group)
	if err != nil {
		return nil, err
	}
	below, err := pages("list the groups below "+s.Group, func(page int64) ([]*sdk.Group, *sdk.Response, error) {
		return f.client.Groups.ListDescendantGroups(s.Group, &sdk.ListDescendantGroupsOptions{ListOptions: sdk.ListOptions{Page: page, PerPage: 100}}, sdk.WithContext(ctx))
	})
	return append([]*sdk.Group{root}, below...), err
}

// oneGroup reads a group, without the hundred projects that GitLab would send
// along.
func (f *forge) oneGroup(ctx context.Context, group string) (*sdk.Group, error) {
	opts := &sdk.GetGroupOptions{WithProjects: sdk.Ptr(false)} //nolint:staticcheck // goes away with the projects themselves
	g, _, err := f.client.Groups.GetGroup(group, opts, sdk.WithContext(ctx))
	return g, failure(err, "read the group "+group)
}

// shared adds the members of the groups that a group is shared with, where the
// relations ask for them.
func (f *forge) shared(ctx context.Context, groups []*sdk.Group, members map[string][]int64) error {
	direct := maps.Clone(members)
	for _, g := range groups {
		full, err := f.oneGroup(ctx, g.FullPath)
		if err != nil {
			return err
		}
		for _, other := range full.SharedWithGroups {
			if _, ok := direct[other.GroupFullPath]; !ok {
				if direct[other.GroupFullPath], err = f.members(ctx, other.GroupFullPath); err != nil {
					return err
				}
			}
			members[g.FullPath] = append(members[g.FullPath], direct[other.GroupFullPath]...)
		}
	}
	return nil
}

// people lists the users: all of them on a host of one's own, the members of
// the group's root on gitlab.com, the members of the group when that is asked.
func (f *forge) people(ctx context.Context, s *providerSettings) ([]person, error) {
	var all []person
	if f.settings.saas() || s.RestrictUsers && s.Group != "" {
		group := s.Group
		if !s.RestrictUsers {
			group, _, _ = strings.Cut(s.Group, "/")
		}
		seats := f.settings.saas()
		opts := sdk.ListGroupMembersOptions{}
		if seats {
			opts.ShowSeatInfo = sdk.Ptr(true)
		}
		found, err := pages("list the members of "+group, func(page int64) ([]*sdk.GroupMember, *sdk.Response, error) {
			opts.ListOptions = sdk.ListOptions{Page: page, PerPage: 100}
			return f.client.Groups.ListAllGroupMembers(group, &opts, sdk.WithContext(ctx))
		})
		if err != nil {
			return nil, err
		}
		for _, m := range found {
			if seats && !m.IsUsingSeat && !s.WithoutSeat {
				continue
			}
			u := person{id: m.ID, username: m.Username, name: m.Name, email: m.Email, avatar: m.AvatarURL, webURL: m.WebURL, state: m.State}
			if m.GroupSAMLIdentity != nil {
				u.samlUID = m.GroupSAMLIdentity.ExternUID
			}
			if u.email == "" {
				u.email = m.PublicEmail
			}
			all = append(all, u)
		}
	} else {
		found, err := pages("list the users of "+f.settings.Host, func(page int64) ([]*sdk.User, *sdk.Response, error) {
			return f.client.Users.ListUsers(&sdk.ListUsersOptions{
				ListOptions: sdk.ListOptions{Page: page, PerPage: 100}, Active: sdk.Ptr(true), ExcludeInternal: sdk.Ptr(true), WithoutProjectBots: sdk.Ptr(true),
			}, sdk.WithContext(ctx))
		})
		if err != nil {
			return nil, err
		}
		for _, m := range found {
			u := person{id: m.ID, username: m.Username, name: m.Name, email: m.Email, avatar: m.AvatarURL, webURL: m.WebURL, state: m.State}
			if u.email == "" {
				u.email = m.PublicEmail
			}
			all = append(all, u)
		}
	}
	seen := map[int64]bool{}
	return slices.DeleteFunc(all, func(u person) bool {
		text := u.email
		if text == "" {
			text = u.username
		}
		again := seen[u.id]
		seen[u.id] = true
		return again || u.state != "active" || bot.MatchString(u.username) || !s.people.Match(text)
	}), nil
}

// members lists who is in a group itself.
func (f *forge) members(ctx context.Context, group string) ([]int64, error) {
	found, err := pages("list the members of "+group, func(page int64) ([]*sdk.GroupMember, *sdk.Response, error) {
		return f.client.Groups.ListGroupMembers(group, &sdk.ListGroupMembersOptions{ListOptions: sdk.ListOptions{Page: page, PerPage: 100}}, sdk.WithContext(ctx))
	})
	var ids []int64
	for _, m := range found {
		ids = append(ids, m.ID)
	}
	return ids, err
}

// spread adds, to the members of each group, those of the groups above
// (INHERITED) and below (DESCENDANTS).
func spread(direct map[string][]int64, relations []string) map[string][]int64 {
	inherited, descendants := slices.Contains(relations, "INHERITED"), slices.Contains(relations, "DESCENDANTS")
	out := map[string][]int64{}
	for path := range direct {
		ids := slices.Clone(direct[path])
		for other, more := range direct {
			if inherited && strings.HasPrefix(path, other+"/") || descendants && strings.HasPrefix(other, path+"/") {
				ids = append(ids, more...)
			}
		}
		slices.Sort(ids)
		out[path] = slices.Compact(ids)
	}
	return out
}

// entities makes users and groups of what was read.
func (f *forge) entities(s *providerSettings, people []person, groups []*sdk.Group, members map[string][]int64) []catalog.Entity {
	groups = slices.DeleteFunc(slices.Clone(groups), func(g *sdk.Group) bool { return !s.matchesGroup(g.FullPath) })
	byID := map[int64]string{}
	for _, g := range groups {
		byID[g.ID] = s.groupName(g.FullPath)
	}
	memberOf := map[int64][]any{}
	for _, g := range groups {
		for _, id := range members[g.FullPath] {
			memberOf[id] = append(memberOf[id], s.groupName(g.FullPath))
		}
	}
	var out []catalog.Entity
	for _, u := range people {
		out = append(out, f.user(u, memberOf[u.id]))
	}
	for _, g := range groups {
		out = append(out, f.group(s, g, byID[g.ParentID]))
	}
	return out
}

// groupName is the path of a group below the configured one, with dashes.
func (s *providerSettings) groupName(fullPath string) string {
	if s.Group != "" {
		fullPath = strings.TrimPrefix(fullPath, s.Group+"/")
	}
	return strings.ReplaceAll(fullPath, "/", "-")
}

func (f *forge) user(u person, memberOf []any) catalog.Entity {
	annotations := discovery.Managed("url:" + f.settings.BaseURL + "/" + u.username)
	put(annotations, f.settings.Host+"/user-login", u.webURL)
	put(annotations, f.settings.Host+"/saml-external-uid", u.samlUID)
	profile := map[string]any{}
	put(profile, "displayName", u.name)
	put(profile, "email", u.email)
	put(profile, "picture", u.avatar)
	if memberOf == nil {
		memberOf = []any{}
	}
	return catalog.Entity{
		"apiVersion": "backstage.io/v1alpha1", "kind": "User",
		"metadata": map[string]any{"name": u.username, "annotations": annotations},
		"spec":     map[string]any{"profile": profile, "memberOf": memberOf},
	}
}

func (f *forge) group(s *providerSettings, g *sdk.Group, parent string) catalog.Entity {
	annotations := discovery.Managed("url:" + f.settings.BaseURL + "/" + g.FullPath)
	annotations[f.settings.Host+"/team-path"] = g.FullPath
	meta := map[string]any{"name": s.groupName(g.FullPath), "annotations": annotations}
	put(meta, "description", g.Description)
	profile := map[string]any{}
	put(profile, "displayName", g.Name)
	put(profile, "picture", g.AvatarURL)
	spec := map[string]any{"type": "team", "profile": profile, "children": []any{}}
	put(spec, "parent", parent)
	return catalog.Entity{"apiVersion": "backstage.io/v1alpha1", "kind": "Group", "metadata": meta, "spec": spec}
}

// put sets what is not empty.
func put(m map[string]any, key, value string) {
	if value != "" {
		m[key] = value
	}
}
