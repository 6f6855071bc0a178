package authserver

import (
	"net/url"
	"strings"
	"time"

	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/plugin"
)

// Settings are what the configuration says.
type Settings struct {
	issuer      string // <backend.baseUrl>/api/auth
	baseURL     string // backend.baseUrl
	appURL      string
	strict      bool
	development bool

	// cli admits the portal's own command line whatever else is configured;
	// cliSaid is set when the configuration says so itself.
	cli, cliSaid bool

	registration          bool
	registrationRedirects patterns

	documents         bool
	documentClients   patterns
	documentRedirects patterns

	// refreshAll gives refresh tokens to every client that asks, refreshCLI to
	// the portal's own command line.
	refreshAll, refreshCLI bool
	tokenLife, grantLife   time.Duration
	maxGrants              int
	skipCatalog            bool
}

const (
	defaultTokenLife = 30 * 24 * time.Hour
	defaultGrantLife = 365 * 24 * time.Hour
	defaultMaxGrants = 20
)

// ReadSettings reads the configuration. It returns errors with code invalid
// that name the key.
func ReadSettings(cfg plugin.Config) (*Settings, error) {
	s := &Settings{}
	var (
		compatibility string
		environment   = "development"
		cli           *bool
	)
	for path, into := range map[string]any{
		"backend.baseUrl":         &s.baseURL,
		"app.baseUrl":             &s.appURL,
		"auth.environment":        &environment,
		"stagedoor.compatibility": &compatibility,
		"stagedoor.auth.cli":      &cli,
	} {
		if err := cfg.Decode(path, into); err != nil {
			return nil, err
		}
	}
	s.baseURL = strings.TrimSuffix(s.baseURL, "/")
	s.issuer = s.baseURL + "/api/auth"
	if s.appURL = strings.TrimSuffix(s.appURL, "/"); s.appURL == "" {
		s.appURL = s.baseURL
	}
	s.strict = compatibility == "strict"
	s.development = environment == "development"
	s.cli = !s.strict
	if cli != nil {
		s.cli, s.cliSaid = *cli, true
	}
	if err := s.readRegistration(cfg); err != nil {
		return nil, err
	}
	if err := s.readDocuments(cfg); err != nil {
		return nil, err
	}
	return s, s.readRefresh(cfg)
}

// clientRules is the shape of both keys that admit clients.
type clientRules struct {
	Enabled   bool     `json:"enabled"`
	Clients   []string `json:"allowedClientIdPatterns"`
	Redirects []string `json:"allowedRedirectUriPatterns"`
}

func (s *Settings) readRegistration(cfg plugin.Config) (err error) {
	const key = "auth.experimentalDynamicClientRegistration"
	var rules clientRules
	if err := cfg.Decode(key, &rules); err != nil {
		return err
	}
	if rules.Redirects == nil {
		rules.Redirects = append([]string{"cursor://*", "https://www.cursor.com/*"}, loopbackPatterns...)
	}
	s.registration = rules.Enabled
	s.registrationRedirects, err = parsePatterns(key+".allowedRedirectUriPatterns", rules.Redirects)
	return err
}

func (s *Settings) readDocuments(cfg plugin.Config) (err error) {
	key := "auth.clientIdMetadataDocuments"
	if !cfg.Has(key) {
		key = "auth.experimentalClientIdMetadataDocuments"
	}
	var rules clientRules
	if err := cfg.Decode(key, &rules); err != nil {
		return err
	}
	if rules.Clients == nil {
		rules.Clients = []string{"https://claude.ai/*", "https://vscode.dev/*"}
		s.cli = s.cli || rules.Enabled && !s.cliSaid // Backstage's defaults have it too
	}
	if rules.Redirects == nil {
		rules.Redirects = loopbackPatterns
	}
	s.documents = rules.Enabled
	if s.documentClients, err = parsePatterns(key+".allowedClientIdPatterns", rules.Clients); err != nil {
		return err
	}
	if u, err := url.Parse(s.cliID()); err == nil && s.documents && !s.cliSaid && s.documentClients.allow(u) {
		s.cli = true
	}
	s.documentRedirects, err = parsePatterns(key+".allowedRedirectUriPatterns", rules.Redirects)
	return err
}

func (s *Settings) readRefresh(cfg plugin.Config) error {
	const key = "auth.experimentalRefreshToken"
	var refresh struct {
		Enabled     *bool            `json:"enabled"`
		TokenLife   *plugin.Duration `json:"tokenLifetime"`
		GrantLife   *plugin.Duration `json:"maxRotationLifetime"`
		MaxGrants   *int             `json:"maxTokensPerUser"`
		SkipCatalog bool             `json:"dangerouslyDisableCatalogPresenceCheck"`
	}
	if err := cfg.Decode(key, &refresh); err != nil {
		return err
	}
	s.refreshAll = refresh.Enabled != nil && *refresh.Enabled
	s.refreshCLI = s.refreshAll || s.cli && !s.strict && refresh.Enabled == nil
	s.tokenLife, s.grantLife, s.maxGrants, s.skipCatalog = defaultTokenLife, defaultGrantLife, defaultMaxGrants, refresh.SkipCatalog
	if refresh.TokenLife != nil {
		s.tokenLife = time.Duration(*refresh.TokenLife)
	}
	if refresh.GrantLife != nil {
		s.grantLife = time.Duration(*refresh.GrantLife)
	}
	if refresh.MaxGrants != nil {
		s.maxGrants = *refresh.MaxGrants
	}
	switch {
	case s.tokenLife <= 0:
		return fault.Newf(fault.Invalid, "%s.tokenLifetime must be a positive duration", key)
	case s.grantLife <= s.tokenLife:
		return fault.Newf(fault.Invalid, "%s.maxRotationLifetime must be longer than tokenLifetime", key)
	case s.maxGrants <= 0:
		return fault.Newf(fault.Invalid, "%s.maxTokensPerUser must be a positive number", key)
	}
	return nil
}

// Enabled reports whether any client could be admitted.
func (s *Settings) Enabled() bool { return s.registration || s.documents || s.cli }

// cliID is the id of the portal's own command line, which is the address of
// its metadata document.
func (s *Settings) cliID() string { return s.issuer + "/.well-known/oauth-client/cli.json" }

// refreshes reports whether the client may have refresh tokens.
func (s *Settings) refreshes(clientID string) bool {
	return s.refreshAll || s.refreshCLI && clientID == s.cliID()
}
