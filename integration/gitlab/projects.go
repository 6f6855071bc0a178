package gitlab

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"

	sdk "gitlab.com/gitlab-org/api/client-go"
	"golang.org/x/sync/errgroup"

	"github.com/stagedoor/stagedoor/catalog"
	"github.com/stagedoor/stagedoor/integration/internal/discovery"
	"github.com/stagedoor/stagedoor/integration/internal/fail"
	"github.com/stagedoor/stagedoor/integration/internal/search"
)

// location is the Location entity of a project's catalog file.
func location(webURL, branch, file, provider string) catalog.Deferred {
	return discovery.Location(strings.TrimRight(webURL, "/")+"/-/blob/"+branch+"/"+file, provider)
}

// discover is one full run. It hands over nothing before everything is read.
func (in *integration) discover(ctx context.Context, p provider) error {
	s, err := in.providerSettings(p.entry)
	if err != nil {
		return err
	}
	f := in.hosts.byHost(s.Host)
	projects, err := f.projects(ctx, &s)
	if err != nil {
		return err
	}
	total := len(projects)
	projects = slices.DeleteFunc(projects, func(pr *sdk.Project) bool { return !s.matches(pr) })
	found := make([]bool, len(projects))
	group, read := errgroup.WithContext(ctx)
	group.SetLimit(search.Parallel)
	for i, pr := range projects {
		group.Go(func() error {
			var err error
			found[i], err = f.hasFile(read, pr, &s)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	var out []catalog.Deferred
	for i, pr := range projects {
		if found[i] {
			out = append(out, location(pr.WebURL, s.branchOf(pr.DefaultBranch), s.EntityFilename, p.Name()))
		}
	}
	in.log.InfoContext(ctx, "projects read", "provider", p.Name(), "projects", total, "matching", len(out))
	return p.Replace(ctx, out)
}

// matches reports whether a project passes the filters that need no request.
func (s *providerSettings) matches(p *sdk.Project) bool {
	path := p.PathWithNamespace
	namespace := path[:max(strings.LastIndex(path, "/"), 0)]
	switch {
	case s.Group != "" && namespace != s.Group && !strings.HasPrefix(namespace, s.Group+"/"),
		p.Archived && !s.IncludeArchived,
		s.SkipForks && p.ForkedFromProject != nil,
		slices.Contains(s.ExcludeRepos, path),
		p.EmptyRepo && s.Branch == "":
		return false
	}
	return s.projects.Match(path)
}

// projects lists the projects of the group, of the groups that match, or all.
func (f *forge) projects(ctx context.Context, s *providerSettings) ([]*sdk.Project, error) {
	if len(s.groups) == 0 {
		return f.projectsOf(ctx, s.Group, s)
	}
	groups, err := f.groups(ctx, s)
	if err != nil {
		return nil, err
	}
	var all []*sdk.Project
	seen := map[int64]bool{}
	for _, g := range groups {
		if !s.matchesGroup(g.FullPath) {
			continue
		}
		some, err := f.projectsOf(ctx, g.FullPath, s)
		if err != nil {
			return nil, err
		}
		for _, p := range some {
			if !seen[p.ID] {
				seen[p.ID] = true
				all = append(all, p)
			}
		}
	}
	return all, nil
}

// projectsOf lists the projects of a group and its subgroups, or of everybody.
func (f *forge) projectsOf(ctx context.Context, group string, s *providerSettings) ([]*sdk.Project, error) {
	archived := sdk.Ptr(false)
	if s.IncludeArchived {
		archived = nil
	}
	var topic *string
	if s.Topics != "" {
		topic = &s.Topics
	}
	if group == "" || s.Membership {
		return pages("list the projects of "+f.settings.Host, func(page int64) ([]*sdk.Project, *sdk.Response, error) {
			opts := &sdk.ListProjectsOptions{ListOptions: sdk.ListOptions{Page: page, PerPage: 100}, Archived: archived, Topic: topic}
			if s.Membership {
				opts.Membership = sdk.Ptr(true)
			}
			return f.client.Projects.ListProjects(opts, sdk.WithContext(ctx))
		})
	}
	return pages("list the projects of "+group, func(page int64) ([]*sdk.Project, *sdk.Response, error) {
		return f.client.Groups.ListGroupProjects(group, &sdk.ListGroupProjectsOptions{
			ListOptions: sdk.ListOptions{Page: page, PerPage: 100}, Archived: archived, Topic: topic, IncludeSubGroups: sdk.Ptr(true), WithShared: sdk.Ptr(false),
		}, sdk.WithContext(ctx))
	})
}

// hasFile asks whether a project has the catalog file. A pattern is taken to
// match something. A project whose files may not be seen has none.
func (f *forge) hasFile(ctx context.Context, p *sdk.Project, s *providerSettings) (bool, error) {
	if discovery.HasWildcard(s.EntityFilename) {
		return true, nil
	}
	branch := s.branchOf(p.DefaultBranch)
	_, res, err := f.client.RepositoryFiles.GetFileMetaData(p.PathWithNamespace, s.EntityFilename, &sdk.GetFileMetaDataOptions{Ref: &branch}, sdk.WithContext(ctx))
	if err != nil {
		err = failure(err, fmt.Sprintf("look for %s in %s", s.EntityFilename, p.PathWithNamespace))
		if fail.Is(err, fail.NotFound) || res != nil && res.StatusCode == http.StatusForbidden {
			return false, nil
		}
		return false, err
	}
	return true, nil
}
