package gitlab

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	sdk "gitlab.com/gitlab-org/api/client-go"

	"github.com/stagedoor/stagedoor/catalog"
	"github.com/stagedoor/stagedoor/integration/internal/discovery"
	"github.com/stagedoor/stagedoor/integration/internal/fail"
	"github.com/stagedoor/stagedoor/plugin"
)

// verify checks the token that GitLab sends with an event.
func (in *integration) verify(_ context.Context, header http.Header, _ []byte) error {
	var secret string
	if err := in.host.Config.Decode("events.modules.gitlab.webhookSecret", &secret); err != nil {
		return fmt.Errorf("read events.modules.gitlab.webhookSecret: %w", err)
	}
	if strings.TrimSpace(secret) == "" {
		return fail.New(fail.Forbidden, "GitLab events are refused because there is no secret to check them with: set events.modules.gitlab.webhookSecret")
	}
	if subtle.ConstantTimeCompare([]byte(header.Get("X-Gitlab-Token")), []byte(secret)) != 1 {
		return fail.New(fail.Forbidden, "the X-Gitlab-Token of the event is wrong; the secrets at GitLab and here differ")
	}
	return nil
}

// event is the part of GitLab's payloads that counts.
type event struct {
	Kind    string `json:"object_kind"`
	Name    string `json:"event_name"`
	Ref     string `json:"ref"`
	Before  string `json:"before"`
	After   string `json:"after"`
	Total   int    `json:"total_commits_count"`
	Commits []struct {
		Added    []string `json:"added"`
		Modified []string `json:"modified"`
		Removed  []string `json:"removed"`
	} `json:"commits"`
	Project *eventProject `json:"project"`
}

type eventProject struct {
	WebURL        string `json:"web_url"`
	Path          string `json:"path_with_namespace"`
	DefaultBranch string `json:"default_branch"`
}

// receive takes in one verified event.
func (in *integration) receive(ctx context.Context, e plugin.Event) error {
	data, err := payload(e.Payload)
	if err != nil {
		return err
	}
	var ev event
	if err := json.Unmarshal(data, &ev); err != nil {
		return fail.New(fail.Invalid, "read GitLab event: %w", err)
	}
	kind := ev.Kind
	if kind == "" {
		kind = ev.Name
	}
	switch {
	case kind == "push":
		return in.pushed(ctx, &ev)
	case strings.HasPrefix(kind, "project_"):
		return in.again(ctx, in.projects)
	case strings.HasPrefix(kind, "group_"), strings.HasPrefix(kind, "user_"), kind == "subgroup_create", kind == "subgroup_destroy":
		return in.again(ctx, in.people)
	}
	return nil
}

// again asks for runs out of turn.
func (in *integration) again(ctx context.Context, providers []provider) error {
	var errs []error
	for _, p := range providers {
		if p.Connected() {
			errs = append(errs, in.host.Schedule.Trigger(ctx, p.TaskID()))
		}
	}
	return errors.Join(errs...)
}

// change is what a push did to the files: true for those that are there now.
type change struct {
	files    map[string]bool
	modified map[string]bool
}

// pushed refreshes what read the changed files and adds or removes locations.
func (in *integration) pushed(ctx context.Context, ev *event) error {
	branch, ok := strings.CutPrefix(ev.Ref, "refs/heads/")
	if !ok {
		return nil
	}
	if ev.Project == nil || ev.Project.WebURL == "" || ev.Project.Path == "" {
		return fail.New(fail.Invalid, "read GitLab event: the push names no project")
	}
	u, err := url.Parse(ev.Project.WebURL)
	if err != nil {
		return fail.New(fail.Invalid, "read GitLab event: %w", err)
	}
	f := in.hosts.byHost(u.Host)
	if f == nil {
		return nil
	}
	c, err := f.changeOf(ctx, ev)
	if err != nil {
		return errors.Join(err, in.again(ctx, in.projects))
	}
	errs := []error{in.refresh(ctx, ev, branch, c)}
	for _, p := range in.projects {
		if p.Connected() {
			errs = append(errs, in.adjust(ctx, p, f, ev, branch, c))
		}
	}
	return errors.Join(errs...)
}

// changeOf collects the files of a push. GitLab lists twenty commits in an
// event; what more there is comes from a comparison.
func (f *forge) changeOf(ctx context.Context, ev *event) (change, error) {
	c := change{map[string]bool{}, map[string]bool{}}
	if ev.Total > len(ev.Commits) && strings.Trim(ev.Before, "0") != "" && strings.Trim(ev.After, "0") != "" {
		compare, _, err := f.client.Repositories.Compare(ev.Project.Path, &sdk.CompareOptions{From: &ev.Before, To: &ev.After, Straight: sdk.Ptr(true)}, sdk.WithContext(ctx))
		if err != nil {
			return c, failure(err, "compare two commits of "+ev.Project.Path)
		}
		for _, d := range compare.Diffs {
			switch {
			case d.NewFile:
				c.files[d.NewPath] = true
			case d.DeletedFile:
				c.files[d.OldPath] = false
			case d.RenamedFile:
				c.files[d.OldPath], c.files[d.NewPath] = false, true
			default:
				c.modified[d.NewPath] = true
			}
		}
		return c, nil
	}
	for _, commit := range ev.Commits {
		for _, file := range commit.Removed {
			c.files[file] = false
		}
		for _, file := range commit.Added {
			c.files[file] = true
		}
		for _, file := range commit.Modified {
			c.modified[file] = true
		}
	}
	return c, nil
}

// refresh asks that everything that read one of the files is read again.
func (in *integration) refresh(ctx context.Context, ev *event, branch string, c change) error {
	if !in.refresher.Connected() {
		return nil
	}
	branches := []string{branch}
	if branch == ev.Project.DefaultBranch {
		branches = append(branches, "HEAD")
	}
	var keys []string
	add := func(file string) {
		for _, b := range branches {
			for _, kind := range []string{"/-/blob/", "/-/tree/", "/blob/"} {
				keys = append(keys, "url:"+ev.Project.WebURL+kind+b+"/"+file)
			}
		}
	}
	for file := range c.files {
		add(file)
	}
	for file := range c.modified {
		add(file)
	}
	if len(keys) == 0 {
		return nil
	}
	slices.Sort(keys)
	conn, err := in.refresher.Connection(ctx)
	if err != nil {
		return err
	}
	if err := conn.Refresh(ctx, keys); err != nil {
		return fmt.Errorf("refresh what was pushed to %s: %w", ev.Project.Path, err)
	}
	return nil
}

// adjust adds or removes the location of the project. With a pattern it is
// refreshed, because which files match may have changed.
func (in *integration) adjust(ctx context.Context, p provider, f *forge, ev *event, branch string, c change) error {
	s, err := in.providerSettings(p.entry)
	if err != nil {
		return err
	}
	if in.hosts.byHost(s.Host) != f || branch != s.branchOf(ev.Project.DefaultBranch) {
		return nil
	}
	at := location(ev.Project.WebURL, branch, s.EntityFilename, p.Name())
	if discovery.HasWildcard(s.EntityFilename) {
		for file := range c.files {
			if discovery.Glob(s.EntityFilename, file) {
				return errors.Join(in.host.Schedule.Trigger(ctx, p.TaskID()), in.refreshKey(ctx, "url:"+at.Entity.SpecString("target")))
			}
		}
		return nil
	}
	is, touched := c.files[s.EntityFilename]
	if !touched {
		return nil
	}
	if !is {
		return p.Change(ctx, nil, []catalog.Deferred{at}, ev.After)
	}
	// The event does not say whether the project is archived or a fork.
	pr, _, err := f.client.Projects.GetProject(ev.Project.Path, nil, sdk.WithContext(ctx))
	if err != nil {
		return failure(err, "read the project "+ev.Project.Path)
	}
	pr.EmptyRepo = false
	if !s.matches(pr) || len(s.groups) > 0 && !s.matchesGroup(pr.PathWithNamespace[:max(strings.LastIndex(pr.PathWithNamespace, "/"), 0)]) {
		return nil
	}
	return p.Change(ctx, []catalog.Deferred{at}, nil, ev.After)
}

func (in *integration) refreshKey(ctx context.Context, key string) error {
	if !in.refresher.Connected() {
		return nil
	}
	conn, err := in.refresher.Connection(ctx)
	if err != nil {
		return err
	}
	return conn.Refresh(ctx, []string{key}) //nolint:wrapcheck // the catalog says what is wrong
}

// payload returns the JSON of an event's payload.
func payload(v any) ([]byte, error) {
	switch v := v.(type) {
	case []byte:
		return v, nil
	case json.RawMessage:
		return v, nil
	case string:
		return []byte(v), nil
	}
	data, err := json.Marshal(v)
	if err != nil {
		return nil, fail.New(fail.Invalid, "read event: %w", err)
	}
	return data, nil
}
