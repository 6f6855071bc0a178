package github

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/stagedoor/stagedoor/catalog"
	"github.com/stagedoor/stagedoor/integration/internal/discovery"
	"github.com/stagedoor/stagedoor/integration/internal/fail"
)

const repositoriesPath = "catalog.providers.github"

// repositorySettings is one provider of catalog.providers.github.
type repositorySettings struct {
	Host         string `json:"host"`
	Organization string `json:"organization"`
	App          number `json:"app"`
	CatalogPath  string `json:"catalogPath"`
	Validate     bool   `json:"validateLocationsExist"`
	Filters      struct {
		Branch        string   `json:"branch"`
		Repository    string   `json:"repository"`
		AllowForks    *bool    `json:"allowForks"`
		AllowArchived bool     `json:"allowArchived"`
		Visibility    []string `json:"visibility"`
		Topic         struct {
			Include []string `json:"include"`
			Exclude []string `json:"exclude"`
		} `json:"topic"`
	} `json:"filters"`
	Schedule  discovery.Schedule `json:"schedule"`
	PageSizes struct {
		Repositories int `json:"repositories"`
	} `json:"pageSizes"`

	name *discovery.Pattern
}

// repository is what the filters look at.
type repository struct {
	name, url, branch, visibility string
	archived, fork, hasFile       bool
	topics                        []string
}

func (in *integration) addRepositories(ctx context.Context) error {
	for _, entry := range discovery.Entries(in.host.Config, repositoriesPath, "organization", "app") {
		s, err := in.repositorySettings(entry)
		if err != nil {
			return err
		}
		p := repositoryProvider{entry: entry}
		p.Provider = discovery.New("github-provider:"+entry.ID, in.log, func(ctx context.Context, _ *discovery.Provider) error {
			return in.discover(ctx, p)
		})
		if err := p.Register(ctx, in.host, s.Schedule); err != nil {
			return err
		}
		in.repositories = append(in.repositories, p)
	}
	return nil
}

// repositorySettings reads and checks one provider's settings.
func (in *integration) repositorySettings(entry discovery.Entry) (repositorySettings, error) {
	s := repositorySettings{Host: publicHost, CatalogPath: "/catalog-info.yaml"}
	if err := in.host.Config.Decode(entry.Path, &s); err != nil {
		return s, fmt.Errorf("read %s: %w", entry.Path, err)
	}
	s.CatalogPath = strings.TrimLeft(s.CatalogPath, "/")
	if s.PageSizes.Repositories <= 0 {
		s.PageSizes.Repositories = 25
	}
	s.PageSizes.Repositories = min(s.PageSizes.Repositories, 100)
	var err error
	s.name, err = discovery.NewPattern(entry.Path+".filters.repository", s.Filters.Repository, true)
	switch {
	case err != nil:
		return s, err
	case s.Organization == "" && s.App == "":
		return s, fail.New(fail.Invalid, "%s: organization is missing; without it, app must name a GitHub App", entry.Path)
	case s.CatalogPath == "":
		return s, fail.New(fail.Invalid, "%s.catalogPath names no file", entry.Path)
	case s.Validate && discovery.HasWildcard(s.CatalogPath):
		return s, fail.New(fail.Invalid, "%s: catalogPath %s has a wildcard, so validateLocationsExist cannot be true", entry.Path, s.CatalogPath)
	case in.hosts.byHost(s.Host) == nil:
		return s, fail.New(fail.Invalid, "%s: the host %s has no entry in integrations.github", entry.Path, s.Host)
	}
	for _, v := range s.Filters.Visibility {
		if v != "private" && v != "internal" && v != "public" {
			return s, fail.New(fail.Invalid, "%s.filters.visibility: %q is none of private, internal, public", entry.Path, v)
		}
	}
	return s, nil
}

// matches reports whether a repository passes the filters.
func (s *repositorySettings) matches(r repository) bool {
	has := func(topics []string) bool {
		return slices.ContainsFunc(r.topics, func(t string) bool { return slices.Contains(topics, t) })
	}
	f := s.Filters
	switch {
	case r.archived && !f.AllowArchived,
		r.fork && f.AllowForks != nil && !*f.AllowForks,
		r.branch == "", // an empty repository
		has(f.Topic.Exclude),
		len(f.Topic.Include) > 0 && !has(f.Topic.Include),
		len(f.Visibility) > 0 && !slices.Contains(f.Visibility, strings.ToLower(r.visibility)),
		s.Validate && !r.hasFile:
		return false
	}
	return s.name.Match(r.name)
}

// branch is the branch that counts in a repository.
func (s *repositorySettings) branch(fallback string) string {
	if s.Filters.Branch != "" {
		return s.Filters.Branch
	}
	return fallback
}

// location is the Location entity of a repository's catalog file.
func (s *repositorySettings) location(repoURL, branch, file, provider string) catalog.Deferred {
	return discovery.Location(repoURL+"/blob/"+s.branch(branch)+"/"+file, provider)
}

// owners returns the accounts to look into.
func (s *repositorySettings) owners(ctx context.Context, f *forge) ([]string, error) {
	if s.Organization != "" {
		return []string{s.Organization}, nil
	}
	return f.appOwners(ctx, s.App)
}

// discover is one full run. It hands over nothing before everything is read.
func (in *integration) discover(ctx context.Context, p repositoryProvider) error {
	s, err := in.repositorySettings(p.entry)
	if err != nil {
		return err
	}
	f := in.hosts.byHost(s.Host)
	owners, err := s.owners(ctx, f)
	if err != nil {
		return err
	}
	var found []catalog.Deferred
	total := 0
	for _, owner := range owners {
		repositories, err := f.repositoriesOf(ctx, owner, &s)
		if err != nil {
			return err
		}
		total += len(repositories)
		for _, r := range repositories {
			if s.matches(r) {
				found = append(found, s.location(r.url, r.branch, s.CatalogPath, p.Name()))
			}
		}
	}
	in.log.InfoContext(ctx, "repositories read", "provider", p.Name(), "repositories", total, "matching", len(found))
	return p.Replace(ctx, found)
}

const repositoriesQuery = `
query repositories($owner: String!, $size: Int!, $after: String, $file: String!, $validate: Boolean!) {
  repositoryOwner(login: $owner) {
    repositories(first: $size, after: $after, ownerAffiliations: OWNER, orderBy: {field: NAME, direction: ASC}) {
      pageInfo { hasNextPage endCursor }
      nodes {
        name
        url
        isArchived
        isFork
        visibility
        defaultBranchRef { name }
        repositoryTopics(first: 100) { nodes { topic { name } } }
        catalogFile: object(expression: $file) @include(if: $validate) { __typename ... on Blob { byteSize } }
      }
    }
  }
}`

// pageInfo is how GitHub pages.
type pageInfo struct {
	HasNextPage bool   `json:"hasNextPage"`
	EndCursor   string `json:"endCursor"`
}

// repositoryNode is a repository as the query asks for it.
type repositoryNode struct {
	Name       string `json:"name"`
	URL        string `json:"url"`
	Archived   bool   `json:"isArchived"`
	Fork       bool   `json:"isFork"`
	Visibility string `json:"visibility"`
	Branch     *struct {
		Name string `json:"name"`
	} `json:"defaultBranchRef"`
	Topics struct {
		Nodes []struct {
			Topic struct {
				Name string `json:"name"`
			} `json:"topic"`
		} `json:"nodes"`
	} `json:"repositoryTopics"`
	File *struct {
		Type  string `json:"__typename"`
		Bytes int64  `json:"byteSize"`
	} `json:"catalogFile"`
}

// repositoriesOf lists every repository of an owner.
func (f *forge) repositoriesOf(ctx context.Context, owner string, s *repositorySettings) ([]repository, error) {
	c, err := f.credential(ctx, owner, s.App)
	if err != nil {
		return nil, err
	}
	ctx = context.WithValue(ctx, credentialKey{}, c.token)
	var out []repository
	var after any
	for {
		var answer struct {
			Owner *struct {
				Repositories struct {
					PageInfo pageInfo          `json:"pageInfo"`
					Nodes    []*repositoryNode `json:"nodes"`
				} `json:"repositories"`
			} `json:"repositoryOwner"`
		}
		err := f.query(ctx, "list the repositories of "+owner, repositoriesQuery, map[string]any{
			"owner": owner, "size": s.PageSizes.Repositories, "after": after, "validate": s.Validate, "file": s.branch("HEAD") + ":" + s.CatalogPath,
		}, &answer)
		if err != nil {
			return nil, err
		}
		if answer.Owner == nil {
			return nil, fail.New(fail.NotFound, "there is no organisation or user %s on %s that the credentials may see", owner, f.settings.Host)
		}
		for _, n := range answer.Owner.Repositories.Nodes {
			if n == nil {
				return nil, fail.New(fail.Unavailable, "list the repositories of %s: GitHub left one out", owner)
			}
			out = append(out, n.repository())
		}
		page := answer.Owner.Repositories.PageInfo
		if !page.HasNextPage {
			return out, nil
		}
		if page.EndCursor == "" || page.EndCursor == after {
			return nil, fail.New(fail.Unavailable, "list the repositories of %s: GitHub does not say where the next page begins", owner)
		}
		after = page.EndCursor
	}
}

func (n *repositoryNode) repository() repository {
	r := repository{
		name: n.Name, url: strings.TrimRight(n.URL, "/"), archived: n.Archived, fork: n.Fork,
		visibility: strings.ToLower(n.Visibility), hasFile: n.File != nil && n.File.Type == "Blob" && n.File.Bytes > 0,
	}
	if n.Branch != nil {
		r.branch = n.Branch.Name
	}
	for _, t := range n.Topics.Nodes {
		r.topics = append(r.topics, t.Topic.Name)
	}
	return r
}

// hasFile asks whether the catalog file is there.
func (f *forge) hasFile(ctx context.Context, owner, repo, branch string, s *repositorySettings) (bool, error) {
	c, err := f.credential(ctx, owner, s.App)
	if err != nil {
		return false, err
	}
	ctx = context.WithValue(ctx, credentialKey{}, c.token)
	_, err = f.content(ctx, place{owner: owner, repo: repo}, s.branch(branch), s.CatalogPath, "")
	if fail.Is(err, fail.NotFound) || fail.Is(err, fail.Invalid) {
		return false, nil
	}
	return err == nil, err
}

// hostOf returns the host of a URL.
func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Host
}
