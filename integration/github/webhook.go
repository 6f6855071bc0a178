package github

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/stagedoor/stagedoor/catalog"
	"github.com/stagedoor/stagedoor/integration/internal/discovery"
	"github.com/stagedoor/stagedoor/integration/internal/fail"
	"github.com/stagedoor/stagedoor/plugin"
)

// verify checks the signature of an event with each of the secrets.
func (in *integration) verify(_ context.Context, header http.Header, body []byte) error {
	hosts, err := readHosts(in.host.Config)
	if err != nil {
		return err
	}
	secrets, err := readWebhookSecrets(in.host.Config, hosts)
	if err != nil {
		return err
	}
	if len(secrets) == 0 {
		return fail.New(fail.Forbidden, "GitHub events are refused because there is no secret to check them with: "+
			"set events.modules.github.webhookSecret, or webhookSecret of a GitHub App")
	}
	given, ok := strings.CutPrefix(header.Get("X-Hub-Signature-256"), "sha256=")
	signature, err := hex.DecodeString(given)
	if !ok || err != nil || len(signature) != sha256.Size {
		return fail.New(fail.Forbidden, "the event has no X-Hub-Signature-256; give the webhook at GitHub the secret of this portal")
	}
	match := false
	for _, secret := range secrets {
		mac := hmac.New(sha256.New, []byte(secret))
		_, _ = mac.Write(body) // a hash takes everything
		match = hmac.Equal(signature, mac.Sum(nil)) || match
	}
	if !match {
		return fail.New(fail.Forbidden, "the signature of the event is wrong; the secrets at GitHub and here differ")
	}
	if header.Get("X-GitHub-Event") == "" {
		return fail.New(fail.Invalid, "the event has no X-GitHub-Event")
	}
	return nil
}

// event is the part of GitHub's payloads that counts.
type event struct {
	Action  string `json:"action"`
	Ref     string `json:"ref"`
	After   string `json:"after"`
	Forced  bool   `json:"forced"`
	Deleted bool   `json:"deleted"`
	Size    *int   `json:"size"`
	Commits []struct {
		Added   []string `json:"added"`
		Removed []string `json:"removed"`
	} `json:"commits"`
	Repository   *eventRepository `json:"repository"`
	Organization *login           `json:"organization"`
	Installation *struct {
		Account *login `json:"account"`
	} `json:"installation"`
	Changes struct {
		Repository struct {
			Name from `json:"name"`
		} `json:"repository"`
		Owner struct {
			From struct {
				User         *login `json:"user"`
				Organization *login `json:"organization"`
			} `json:"from"`
		} `json:"owner"`
		DefaultBranch from `json:"default_branch"`
	} `json:"changes"`
}

type login struct {
	Login string `json:"login"`
	Name  string `json:"name"`
}

type from struct {
	From string `json:"from"`
}

type eventRepository struct {
	Name       string   `json:"name"`
	HTMLURL    string   `json:"html_url"`
	Branch     string   `json:"default_branch"`
	Visibility string   `json:"visibility"`
	Private    bool     `json:"private"`
	Archived   bool     `json:"archived"`
	Fork       bool     `json:"fork"`
	Topics     []string `json:"topics"`
	Owner      login    `json:"owner"`
}

func (r *eventRepository) owner() string {
	if r.Owner.Login != "" {
		return r.Owner.Login
	}
	return r.Owner.Name
}

// repository is the payload's repository as the filters see it. Whether the
// catalog file is there is not known.
func (r *eventRepository) repository() repository {
	out := repository{
		name: r.Name, url: strings.TrimRight(r.HTMLURL, "/"), branch: r.Branch, visibility: r.Visibility,
		archived: r.Archived, fork: r.Fork, topics: r.Topics, hasFile: true,
	}
	if out.visibility == "" {
		out.visibility = "public"
		if r.Private {
			out.visibility = "private"
		}
	}
	return out
}

// receive takes in one verified event. Providers that the catalog has not
// connected yet will read everything anyway.
func (in *integration) receive(ctx context.Context, e plugin.Event) error {
	data, err := payload(e.Payload)
	if err != nil {
		return err
	}
	var ev event
	if err := json.Unmarshal(data, &ev); err != nil {
		return fail.New(fail.Invalid, "read GitHub event: %w", err)
	}
	switch kind := e.Metadata["x-github-event"]; kind {
	case "push", "repository":
		if ev.Repository == nil || ev.Repository.HTMLURL == "" || ev.Repository.owner() == "" {
			return fail.New(fail.Invalid, "read GitHub event: the %s event names no repository", kind)
		}
		return in.repositoryEvent(ctx, kind, &ev)
	case "organization", "team", "membership":
		return in.peopleEvent(ctx, &ev)
	case "installation", "installation_repositories":
		return in.installationEvent(ctx, &ev)
	}
	return nil
}

// repositoryEvent hands a push or a change of a repository to every provider
// that the repository belongs to.
func (in *integration) repositoryEvent(ctx context.Context, kind string, ev *event) error {
	var errs []error
	for _, p := range in.repositories {
		if !p.Connected() {
			continue
		}
		s, err := in.repositorySettings(p.entry)
		if err == nil && strings.EqualFold(hostOf(ev.Repository.HTMLURL), s.Host) {
			var owners []string
			if owners, err = s.owners(ctx, in.hosts.byHost(s.Host)); err == nil {
				mine := func(owner string) bool {
					return slices.ContainsFunc(owners, func(o string) bool { return strings.EqualFold(o, owner) })
				}
				if kind == "push" {
					err = in.pushed(ctx, p, &s, ev, mine)
				} else {
					err = in.changed(ctx, p, &s, ev, mine)
				}
			}
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", p.Name(), err))
		}
	}
	return errors.Join(errs...)
}

// pushed adds and removes the location when the push brought or took its file.
// With a pattern the location stands for all files; the catalog reads it again
// by itself.
func (in *integration) pushed(ctx context.Context, p repositoryProvider, s *repositorySettings, ev *event, mine func(string) bool) error {
	repo := ev.Repository.repository()
	branch, ok := strings.CutPrefix(ev.Ref, "refs/heads/")
	if !ok || !mine(ev.Repository.owner()) || branch != s.branch(repo.branch) || !s.matches(repo) {
		return nil
	}
	if ev.Forced || ev.Deleted || ev.Size != nil && *ev.Size > len(ev.Commits) || len(ev.Commits) >= 2048 {
		return in.again(ctx, p.TaskID()) // the event does not list everything
	}
	there := map[string]bool{}
	for _, c := range ev.Commits {
		for _, file := range c.Removed {
			there[file] = false
		}
		for _, file := range c.Added {
			there[file] = true
		}
	}
	var added, removed []catalog.Deferred
	for file, is := range there {
		at := s.location(repo.url, repo.branch, s.CatalogPath, p.Name())
		switch {
		case discovery.HasWildcard(s.CatalogPath):
			if is && len(added) == 0 && discovery.Glob(s.CatalogPath, file) {
				added = append(added, at)
			}
		case file != s.CatalogPath:
		case is:
			added = append(added, at)
		default:
			removed = append(removed, at)
		}
	}
	return p.Change(ctx, added, removed, ev.After)
}

// changed compares where a repository was with where it is.
func (in *integration) changed(ctx context.Context, p repositoryProvider, s *repositorySettings, ev *event, mine func(string) bool) error {
	repo, owner := ev.Repository.repository(), ev.Repository.owner()
	oldOwner, oldName, oldBranch := owner, repo.name, repo.branch
	if o := ev.Changes.Owner.From.User; o != nil && o.Login != "" {
		oldOwner = o.Login
	}
	if o := ev.Changes.Owner.From.Organization; o != nil && o.Login != "" {
		oldOwner = o.Login
	}
	if ev.Changes.Repository.Name.From != "" {
		oldName = ev.Changes.Repository.Name.From
	}
	if ev.Changes.DefaultBranch.From != "" {
		oldBranch = ev.Changes.DefaultBranch.From
	}
	origin := strings.TrimSuffix(repo.url, "/"+owner+"/"+repo.name)
	before := s.location(origin+"/"+oldOwner+"/"+oldName, oldBranch, s.CatalogPath, p.Name())
	now := s.location(repo.url, repo.branch, s.CatalogPath, p.Name())

	belongs := ev.Action != "deleted" && mine(owner) && s.matches(repo)
	if belongs && s.Validate {
		var err error
		if belongs, err = in.hosts.byHost(s.Host).hasFile(ctx, owner, repo.name, repo.branch, s); err != nil {
			return err
		}
	}
	var added, removed []catalog.Deferred
	if belongs {
		added = append(added, now)
	} else if mine(owner) {
		removed = append(removed, now)
	}
	if before.Entity.Name() != now.Entity.Name() && mine(oldOwner) {
		removed = append(removed, before)
	}
	return p.Change(ctx, added, removed, "")
}

// peopleEvent makes the providers of the organisation read it again. That is
// one run however many events come, and it is always right.
func (in *integration) peopleEvent(ctx context.Context, ev *event) error {
	if ev.Organization == nil {
		return nil
	}
	var errs []error
	for _, p := range in.people {
		s, _, err := in.settingsOf(p)
		if err != nil || !p.Connected() {
			errs = append(errs, err)
			continue
		}
		if len(s.Orgs) == 0 || slices.ContainsFunc(s.Orgs, func(o string) bool { return strings.EqualFold(o, ev.Organization.Login) }) {
			errs = append(errs, in.again(ctx, p.TaskID()))
		}
	}
	return errors.Join(errs...)
}

// installationEvent makes every provider on GitHub Apps look again.
func (in *integration) installationEvent(ctx context.Context, ev *event) error {
	for _, f := range *in.hosts.list.Load() {
		for _, a := range f.apps {
			a.forget()
		}
	}
	if ev.Installation == nil || ev.Installation.Account == nil {
		return nil
	}
	account := ev.Installation.Account.Login
	var errs []error
	for _, p := range in.repositories {
		s, err := in.repositorySettings(p.entry)
		if err == nil && p.Connected() && (s.Organization == "" || strings.EqualFold(s.Organization, account)) {
			err = in.again(ctx, p.TaskID())
		}
		errs = append(errs, err)
	}
	ev.Organization = ev.Installation.Account
	return errors.Join(append(errs, in.peopleEvent(ctx, ev))...)
}

// again asks for a run out of turn.
func (in *integration) again(ctx context.Context, task string) error {
	if err := in.host.Schedule.Trigger(ctx, task); err != nil {
		return fmt.Errorf("run %s again: %w", task, err)
	}
	return nil
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
