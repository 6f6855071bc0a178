package github

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/stagedoor/stagedoor/catalog"
	"github.com/stagedoor/stagedoor/integration/internal/discovery"
	"github.com/stagedoor/stagedoor/integration/internal/fail"
)

const peoplePath = "catalog.providers.githubOrg"

// peopleSettings is one provider of catalog.providers.githubOrg.
type peopleSettings struct {
	ID              string   `json:"id"`
	GitHubURL       string   `json:"githubUrl"`
	Orgs            []string `json:"orgs"`
	ExcludeSuspends bool     `json:"excludeSuspendedUsers"`
	SuspendedByREST bool     `json:"experimental_checkForSuspendedUsersWithRest"`
	Transformer     struct {
		UseVerifiedEmails bool `json:"useVerifiedEmails"`
	} `json:"defaultUserTransformer"`
	Schedule  discovery.Schedule `json:"schedule"`
	PageSizes struct {
		Teams       int `json:"teams"`
		TeamMembers int `json:"teamMembers"`
		OrgMembers  int `json:"organizationMembers"`
	} `json:"pageSizes"`
}

// namespaceSettings is one item of catalog.processors.githubMultiOrg.orgs.
type namespaceSettings struct {
	Name           string `json:"name"`
	GroupNamespace string `json:"groupNamespace"`
	UserNamespace  string `json:"userNamespace"`
}

// namespaces decides where the entities of an organisation go.
type namespaces struct {
	// single is set when there is one organisation in all.
	single    bool
	overrides []namespaceSettings
}

// of returns the namespaces of an organisation's users and groups. Groups of
// several organisations may have the same name, so each has its own.
func (n namespaces) of(org string) (users, groups string) {
	users, groups = catalog.DefaultNamespace, catalog.DefaultNamespace
	if !n.single {
		groups = strings.ToLower(org)
	}
	for _, o := range n.overrides {
		if !strings.EqualFold(o.Name, org) {
			continue
		}
		if o.UserNamespace != "" {
			users = strings.ToLower(o.UserNamespace)
		}
		if o.GroupNamespace != "" {
			groups = strings.ToLower(o.GroupNamespace)
		}
	}
	return users, groups
}

func (in *integration) addPeople(ctx context.Context) error {
	all, err := in.peopleSettings()
	if err != nil {
		return err
	}
	for _, s := range all {
		p := peopleProvider{id: s.ID}
		p.Provider = discovery.New("GithubMultiOrgEntityProvider:"+s.ID, in.log, func(ctx context.Context, _ *discovery.Provider) error {
			return in.readPeople(ctx, p)
		})
		if err := p.Register(ctx, in.host, s.Schedule); err != nil {
			return err
		}
		in.people = append(in.people, p)
	}
	return nil
}

// peopleSettings reads and checks the settings of all providers.
func (in *integration) peopleSettings() ([]peopleSettings, error) {
	var all list[peopleSettings]
	if !in.host.Config.Has(peoplePath) {
		return nil, nil
	}
	if err := in.host.Config.Decode(peoplePath, &all); err != nil {
		return nil, fmt.Errorf("read %s: %w", peoplePath, err)
	}
	for i := range all {
		s := &all[i]
		if s.ID == "" {
			s.ID = "default"
		}
		if s.GitHubURL == "" {
			s.GitHubURL = "https://" + publicHost
		}
		if slices.ContainsFunc(all[:i], func(o peopleSettings) bool { return o.ID == s.ID }) {
			return nil, fail.New(fail.Invalid, "%s: the id %s is used twice", peoplePath, s.ID)
		}
		if in.hosts.byHost(hostOf(s.GitHubURL)) == nil {
			return nil, fail.New(fail.Invalid, "%s: githubUrl %s has no entry in integrations.github", peoplePath, s.GitHubURL)
		}
		s.fillSizes()
	}
	return all, nil
}

// fillSizes completes the page sizes. GitHub allows a hundred.
func (s *peopleSettings) fillSizes() {
	sizes := &s.PageSizes
	for _, size := range []struct {
		value    *int
		fallback int
	}{{&sizes.Teams, 25}, {&sizes.TeamMembers, 50}, {&sizes.OrgMembers, 50}} {
		if *size.value <= 0 {
			*size.value = size.fallback
		}
		*size.value = min(*size.value, 100)
	}
}

// settingsOf finds the settings of one provider and the namespaces.
func (in *integration) settingsOf(p peopleProvider) (peopleSettings, namespaces, error) {
	all, err := in.peopleSettings()
	if err != nil {
		return peopleSettings{}, namespaces{}, err
	}
	n := slices.IndexFunc(all, func(s peopleSettings) bool { return s.ID == p.id })
	if n < 0 {
		return peopleSettings{}, namespaces{}, fail.New(fail.NotFound, "%s has no provider %s any more", peoplePath, p.id)
	}
	ns := namespaces{single: len(all) == 1 && len(all[n].Orgs) == 1}
	if err := in.host.Config.Decode("catalog.processors.githubMultiOrg.orgs", &ns.overrides); err != nil {
		return peopleSettings{}, namespaces{}, fmt.Errorf("read catalog.processors.githubMultiOrg.orgs: %w", err)
	}
	return all[n], ns, nil
}

// orgs returns the organisations of a provider.
func (s *peopleSettings) orgs(ctx context.Context, f *forge) ([]string, error) {
	if len(s.Orgs) > 0 {
		return s.Orgs, nil
	}
	return f.appOwners(ctx, "")
}

// readPeople is one full run. It hands over nothing before everything is read.
func (in *integration) readPeople(ctx context.Context, p peopleProvider) error {
	s, ns, err := in.settingsOf(p)
	if err != nil {
		return err
	}
	f := in.hosts.byHost(hostOf(s.GitHubURL))
	orgs, err := s.orgs(ctx, f)
	if err != nil {
		return err
	}
	b := newBook("https://"+f.settings.Host, ns, s.Transformer.UseVerifiedEmails)
	for _, org := range orgs {
		users, teams, err := f.organization(ctx, org, &s)
		if err != nil {
			return err
		}
		b.add(org, users, teams)
	}
	return p.Replace(ctx, b.entities("github-multi-org-provider:"+s.ID))
}
