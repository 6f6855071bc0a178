package github

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/stagedoor/stagedoor/catalog"
	"github.com/stagedoor/stagedoor/integration/internal/fail"
)

// peopleFor is how long the people at a location are believed. The catalog
// reads its locations every few minutes, which is too often for whole
// organisations.
const peopleFor = 15 * time.Minute

// peopleReader reads locations of the types github-org (an organisation's page)
// and github-multi-org (a GitHub; its organisations are those of
// catalog.processors.githubMultiOrg, or of its apps). It implements
// catalog.LocationReader. Providers do the same with a schedule and webhooks;
// this is for configurations that have such locations.
type peopleReader struct {
	in *integration

	mu   sync.Mutex
	read map[catalog.Location]readPeople
}

type readPeople struct {
	entities []catalog.Deferred
	at       time.Time
}

// Name implements catalog.Processor.
func (*peopleReader) Name() string { return "GithubMultiOrgReaderProcessor" }

// ReadLocation implements catalog.LocationReader.
func (r *peopleReader) ReadLocation(ctx context.Context, at catalog.Location, emit catalog.Emitter) (bool, error) {
	if at.Type != "github-org" && at.Type != "github-multi-org" {
		return false, nil
	}
	r.mu.Lock()
	have, ok := r.read[at]
	r.mu.Unlock()
	if !ok || r.in.clock().Sub(have.at) >= peopleFor {
		entities, err := r.people(ctx, at)
		if err != nil {
			return true, fmt.Errorf("read %s: %w", at.Target, err)
		}
		have = readPeople{entities, r.in.clock()}
		r.mu.Lock()
		r.read[at] = have
		r.mu.Unlock()
	}
	for _, d := range have.entities {
		emit.Entity(d.Entity.Clone(), at)
	}
	return true, nil
}

func (r *peopleReader) people(ctx context.Context, at catalog.Location) ([]catalog.Deferred, error) {
	u, err := url.Parse(at.Target)
	if err != nil || u.Host == "" {
		return nil, fail.New(fail.Invalid, "it is not the URL of a GitHub")
	}
	f := r.in.hosts.byHost(u.Host)
	if f == nil {
		return nil, fail.New(fail.Invalid, "%s has no entry in integrations.github", u.Host)
	}
	s := peopleSettings{}
	s.fillSizes()
	var ns namespaces
	if at.Type == "github-org" {
		ns.single = true
		if s.Orgs = strings.Split(strings.Trim(u.Path, "/"), "/"); len(s.Orgs) != 1 || s.Orgs[0] == "" {
			return nil, fail.New(fail.Invalid, "write https://%s/organisation", u.Host)
		}
	} else {
		if err := r.in.host.Config.Decode("catalog.processors.githubMultiOrg.orgs", &ns.overrides); err != nil {
			return nil, fmt.Errorf("read catalog.processors.githubMultiOrg.orgs: %w", err)
		}
		for _, o := range ns.overrides {
			s.Orgs = append(s.Orgs, o.Name)
		}
	}
	orgs, err := s.orgs(ctx, f)
	if err != nil {
		return nil, err
	}
	b := newBook("https://"+f.settings.Host, ns, false)
	for _, org := range orgs {
		users, teams, err := f.organization(ctx, org, &s)
		if err != nil {
			return nil, err
		}
		b.add(org, users, teams)
	}
	return b.entities(at.String()), nil
}
