package github

import (
	"context"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/stagedoor/stagedoor/integration/internal/fail"
	"github.com/stagedoor/stagedoor/integration/internal/search"
)

const usersQuery = `
query users($org: String!, $size: Int!, $after: String, $email: Boolean!, $verified: Boolean!) {
  organization(login: $org) {
    membersWithRole(first: $size, after: $after) {
      pageInfo { hasNextPage endCursor }
      nodes {
        id
        login
        name
        bio
        avatarUrl
        email @include(if: $email)
        organizationVerifiedDomainEmails(login: $org) @include(if: $verified)
      }
    }
  }
}`

// suspendedUsersQuery asks for suspensions too. Only GitHub Enterprise knows the
// field, and a field that does not exist fails the whole query.
var suspendedUsersQuery = strings.Replace(usersQuery, "        login\n", "        login\n        suspendedAt\n", 1)

const teamsQuery = `
query teams($org: String!, $size: Int!, $members: Int!, $after: String) {
  organization(login: $org) {
    teams(first: $size, after: $after) {
      pageInfo { hasNextPage endCursor }
      nodes {
        slug
        combinedSlug
        name
        description
        avatarUrl
        editTeamUrl
        parentTeam { slug }
        members(first: $members, membership: IMMEDIATE) {
          pageInfo { hasNextPage endCursor }
          nodes { login }
        }
      }
    }
  }
}`

const membersQuery = `
query members($org: String!, $team: String!, $size: Int!, $after: String) {
  organization(login: $org) {
    team(slug: $team) {
      members(first: $size, after: $after, membership: IMMEDIATE) {
        pageInfo { hasNextPage endCursor }
        nodes { login }
      }
    }
  }
}`

// organization reads the users and teams of an organisation, without those who
// are suspended when the settings say so.
func (f *forge) organization(ctx context.Context, org string, s *peopleSettings) ([]user, []team, error) {
	c, err := f.credential(ctx, org, "")
	if err != nil {
		return nil, nil, err
	}
	ctx = context.WithValue(ctx, credentialKey{}, c.token)
	users, err := f.users(ctx, org, s, c.person)
	if err != nil {
		return nil, nil, err
	}
	suspended, err := f.suspended(ctx, users, s)
	if err != nil {
		return nil, nil, err
	}
	users = slices.DeleteFunc(users, func(u user) bool { return suspended[u.Login] })
	teams, err := f.teams(ctx, org, s)
	if err != nil {
		return nil, nil, err
	}
	for i := range teams {
		teams[i].logins = slices.DeleteFunc(teams[i].logins, func(login string) bool { return suspended[login] })
	}
	return users, teams, nil
}

func (f *forge) users(ctx context.Context, org string, s *peopleSettings, email bool) ([]user, error) {
	query := usersQuery
	variables := map[string]any{"org": org, "size": s.PageSizes.OrgMembers, "email": email, "verified": s.Transformer.UseVerifiedEmails}
	if s.ExcludeSuspends && !s.SuspendedByREST && f.settings.Host != publicHost {
		query = suspendedUsersQuery
	}
	var out []user
	err := paged(func(after any) (pageInfo, error) {
		variables["after"] = after
		var answer struct {
			Organization *struct {
				Members struct {
					PageInfo pageInfo `json:"pageInfo"`
					Nodes    []*user  `json:"nodes"`
				} `json:"membersWithRole"`
			} `json:"organization"`
		}
		if err := f.query(ctx, "list the members of "+org, query, variables, &answer); err != nil {
			return pageInfo{}, err
		}
		if answer.Organization == nil {
			return pageInfo{}, noOrganization(org)
		}
		for _, u := range answer.Organization.Members.Nodes {
			if u == nil {
				return pageInfo{}, fail.New(fail.Unavailable, "list the members of %s: GitHub left one out", org)
			}
			out = append(out, *u)
		}
		return answer.Organization.Members.PageInfo, nil
	})
	return out, err
}

func (f *forge) teams(ctx context.Context, org string, s *peopleSettings) ([]team, error) {
	var out []team
	err := paged(func(after any) (pageInfo, error) {
		var answer struct {
			Organization *struct {
				Teams struct {
					PageInfo pageInfo `json:"pageInfo"`
					Nodes    []*team  `json:"nodes"`
				} `json:"teams"`
			} `json:"organization"`
		}
		err := f.query(ctx, "list the teams of "+org, teamsQuery, map[string]any{
			"org": org, "size": s.PageSizes.Teams, "members": s.PageSizes.TeamMembers, "after": after,
		}, &answer)
		if err != nil {
			return pageInfo{}, err
		}
		if answer.Organization == nil {
			return pageInfo{}, noOrganization(org)
		}
		for _, t := range answer.Organization.Teams.Nodes {
			if t == nil {
				return pageInfo{}, fail.New(fail.Unavailable, "list the teams of %s: GitHub left one out", org)
			}
			out = append(out, *t)
		}
		return answer.Organization.Teams.PageInfo, nil
	})
	if err != nil {
		return nil, err
	}
	for i := range out {
		if err := f.members(ctx, org, &out[i], s.PageSizes.TeamMembers); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// members completes the members of a team whose first page was not all.
func (f *forge) members(ctx context.Context, org string, t *team, size int) error {
	for _, m := range t.Members.Nodes {
		if m != nil {
			t.logins = append(t.logins, m.Login)
		}
	}
	if !t.Members.PageInfo.HasNextPage {
		return nil
	}
	return pagedFrom(t.Members.PageInfo, func(after any) (pageInfo, error) {
		var answer struct {
			Organization *struct {
				Team *team `json:"team"`
			} `json:"organization"`
		}
		err := f.query(ctx, "list the members of "+org+"/"+t.Slug, membersQuery, map[string]any{
			"org": org, "team": t.Slug, "size": size, "after": after,
		}, &answer)
		if err != nil {
			return pageInfo{}, err
		}
		if answer.Organization == nil || answer.Organization.Team == nil {
			return pageInfo{}, fail.New(fail.Unavailable, "the team %s/%s went away while it was read", org, t.Slug)
		}
		for _, m := range answer.Organization.Team.Members.Nodes {
			if m != nil {
				t.logins = append(t.logins, m.Login)
			}
		}
		return answer.Organization.Team.Members.PageInfo, nil
	})
}

// suspended finds who is suspended, by what the query said and, when the
// settings ask for it, by the REST API.
func (f *forge) suspended(ctx context.Context, users []user, s *peopleSettings) (map[string]bool, error) {
	out := map[string]bool{}
	if !s.ExcludeSuspends {
		return out, nil
	}
	var mu sync.Mutex
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(search.Parallel)
	for _, u := range users {
		if u.Suspended != "" {
			mu.Lock()
			out[u.Login] = true
			mu.Unlock()
			continue
		}
		if !s.SuspendedByREST {
			continue
		}
		group.Go(func() error {
			got, _, err := f.client.Users.Get(ctx, u.Login)
			err = failure(err, "read the user "+u.Login)
			if err != nil && !fail.Is(err, fail.NotFound) {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			out[u.Login] = err != nil || got.SuspendedAt != nil // GitHub hides who is suspended on github.com
			return nil
		})
	}
	return out, group.Wait()
}

// paged calls one until there is no further page.
func paged(one func(after any) (pageInfo, error)) error {
	next, err := one(nil)
	if err != nil || !next.HasNextPage {
		return err
	}
	return pagedFrom(next, one)
}

// pagedFrom is [paged] from a further page on.
func pagedFrom(next pageInfo, one func(after any) (pageInfo, error)) error {
	for next.HasNextPage {
		if next.EndCursor == "" {
			return fail.New(fail.Unavailable, "GitHub does not say where the next page begins")
		}
		from := next.EndCursor
		var err error
		if next, err = one(from); err != nil {
			return err
		}
		if next.HasNextPage && next.EndCursor == from {
			return fail.New(fail.Unavailable, "GitHub gives the same page again and again")
		}
	}
	return nil
}

func noOrganization(org string) error {
	return fail.New(fail.NotFound, "there is no organisation %s that the credentials may see", org)
}
