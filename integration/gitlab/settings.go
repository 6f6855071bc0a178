package gitlab

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/stagedoor/stagedoor/integration/internal/discovery"
	"github.com/stagedoor/stagedoor/integration/internal/fail"
	"github.com/stagedoor/stagedoor/plugin"
)

// publicHost is the host that is known without configuration.
const publicHost = "gitlab.com"

// hostSettings is one item of integrations.gitlab.
type hostSettings struct {
	Host       string `json:"host"`
	Token      string `json:"token"`
	APIBaseURL string `json:"apiBaseUrl"`
	BaseURL    string `json:"baseUrl"`
	Retry      struct {
		MaxRetries  *int  `json:"maxRetries"`
		StatusCodes []int `json:"retryStatusCodes"`
		PerMinute   int   `json:"maxApiRequestsPerMinute"`
	} `json:"retry"`
}

// readHosts reads integrations.gitlab, completes it, and adds gitlab.com.
func readHosts(c plugin.Config) ([]hostSettings, error) {
	var hosts []hostSettings
	if err := c.Decode("integrations.gitlab", &hosts); err != nil {
		return nil, fmt.Errorf("read integrations.gitlab: %w", err)
	}
	for i := range hosts {
		if err := hosts[i].complete(); err != nil {
			return nil, fmt.Errorf("integrations.gitlab[%d]: %w", i, err)
		}
		if n := slices.IndexFunc(hosts, func(h hostSettings) bool { return strings.EqualFold(h.Host, hosts[i].Host) }); n != i {
			return nil, fail.New(fail.Invalid, "integrations.gitlab[%d]: the host %s is configured twice", i, hosts[i].Host)
		}
	}
	if !slices.ContainsFunc(hosts, func(h hostSettings) bool { return h.Host == publicHost }) {
		public := hostSettings{Host: publicHost}
		if err := public.complete(); err != nil {
			return nil, err
		}
		hosts = append(hosts, public)
	}
	return hosts, nil
}

func (h *hostSettings) complete() error {
	h.Host = strings.ToLower(strings.TrimSpace(h.Host))
	if h.Host == "" || strings.ContainsAny(h.Host, "/@ ") {
		return fail.New(fail.Invalid, "host: %q is not a host", h.Host)
	}
	h.Token = strings.TrimSpace(h.Token)
	if h.BaseURL == "" {
		h.BaseURL = "https://" + h.Host
	}
	h.BaseURL = strings.TrimRight(h.BaseURL, "/")
	if h.APIBaseURL == "" {
		h.APIBaseURL = h.BaseURL + "/api/v4"
	}
	h.APIBaseURL = strings.TrimRight(h.APIBaseURL, "/")
	for _, base := range []string{h.BaseURL, h.APIBaseURL} {
		if u, err := url.Parse(base); err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") {
			return fail.New(fail.Invalid, "%q is not a base URL", base)
		}
	}
	return nil
}

// saas reports whether the host is gitlab.com, where nobody may list all users.
func (h *hostSettings) saas() bool { return h.Host == publicHost }

const providersPath = "catalog.providers.gitlab"

// providerSettings is one provider of catalog.providers.gitlab.
type providerSettings struct {
	Host             string             `json:"host"`
	Group            string             `json:"group"`
	Branch           string             `json:"branch"`
	FallbackBranch   string             `json:"fallbackBranch"`
	EntityFilename   string             `json:"entityFilename"`
	CatalogFile      string             `json:"catalogFile"`
	ProjectPattern   string             `json:"projectPattern"`
	UserPattern      string             `json:"userPattern"`
	GroupPattern     texts              `json:"groupPattern"`
	OrgEnabled       bool               `json:"orgEnabled"`
	AllowInherited   bool               `json:"allowInherited"`
	Relations        []string           `json:"relations"`
	RestrictUsers    bool               `json:"restrictUsersToGroup"`
	WithoutSeat      bool               `json:"includeUsersWithoutSeat"`
	SkipForks        bool               `json:"skipForkedRepos"`
	IncludeArchived  bool               `json:"includeArchivedRepos"`
	ExcludeRepos     []string           `json:"excludeRepos"`
	Membership       bool               `json:"membership"`
	Topics           string             `json:"topics"`
	Schedule         discovery.Schedule `json:"schedule"`
	projects, people *discovery.Pattern
	groups           []*discovery.Pattern
}

// texts is a list of texts that may be written as its only item.
type texts []string

// UnmarshalJSON reads a list or one text.
func (t *texts) UnmarshalJSON(data []byte) error {
	var one string
	if err := json.Unmarshal(data, &one); err == nil {
		*t = texts{one}
		return nil
	}
	return json.Unmarshal(data, (*[]string)(t)) //nolint:wrapcheck // the configuration says where
}

// providerSettings reads and checks one provider's settings.
func (in *integration) providerSettings(entry discovery.Entry) (providerSettings, error) {
	s := providerSettings{Host: publicHost, FallbackBranch: "master"}
	if err := in.host.Config.Decode(entry.Path, &s); err != nil {
		return s, fmt.Errorf("read %s: %w", entry.Path, err)
	}
	if s.EntityFilename == "" {
		s.EntityFilename = s.CatalogFile
	}
	if s.EntityFilename == "" {
		s.EntityFilename = "catalog-info.yaml"
	}
	s.EntityFilename = strings.TrimLeft(s.EntityFilename, "/")
	s.Group = strings.Trim(s.Group, "/")
	if s.AllowInherited && !slices.Contains(s.Relations, "INHERITED") {
		s.Relations = append(s.Relations, "INHERITED")
	}
	for _, r := range s.Relations {
		if r != "DIRECT" && r != "INHERITED" && r != "DESCENDANTS" && r != "SHARED_FROM_GROUPS" {
			return s, fail.New(fail.Invalid, "%s.relations: %q is none of DIRECT, INHERITED, DESCENDANTS, SHARED_FROM_GROUPS", entry.Path, r)
		}
	}
	f := in.hosts.byHost(s.Host)
	if f == nil {
		return s, fail.New(fail.Invalid, "%s: the host %s has no entry in integrations.gitlab", entry.Path, s.Host)
	}
	if s.OrgEnabled && s.Group == "" && f.settings.saas() {
		return s, fail.New(fail.Invalid, "%s: on %s, orgEnabled needs a group", entry.Path, publicHost)
	}
	var err error
	if s.projects, err = discovery.NewPattern(entry.Path+".projectPattern", s.ProjectPattern, false); err != nil {
		return s, err
	}
	if s.people, err = discovery.NewPattern(entry.Path+".userPattern", s.UserPattern, false); err != nil {
		return s, err
	}
	for _, text := range s.GroupPattern {
		p, err := discovery.NewPattern(entry.Path+".groupPattern", text, false)
		if err != nil {
			return s, err
		}
		s.groups = append(s.groups, p)
	}
	return s, nil
}

// matchesGroup reports whether one of the group patterns matches. Without any,
// every group does.
func (s *providerSettings) matchesGroup(path string) bool {
	return len(s.groups) == 0 || slices.ContainsFunc(s.groups, func(p *discovery.Pattern) bool { return p.Match(path) })
}

// branchOf is the branch that counts in a project.
func (s *providerSettings) branchOf(defaultBranch string) string {
	switch {
	case s.Branch != "":
		return s.Branch
	case defaultBranch != "":
		return defaultBranch
	}
	return s.FallbackBranch
}
