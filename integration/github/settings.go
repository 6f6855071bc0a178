package github

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/stagedoor/stagedoor/integration/internal/fail"
	"github.com/stagedoor/stagedoor/plugin"
)

// publicHost is the host that is known without configuration.
const publicHost = "github.com"

// hostSettings is one item of integrations.github.
type hostSettings struct {
	Host       string        `json:"host"`
	Token      string        `json:"token"`
	APIBaseURL string        `json:"apiBaseUrl"`
	RawBaseURL string        `json:"rawBaseUrl"`
	Apps       []appSettings `json:"apps"`
}

// appSettings is one GitHub App of a host.
type appSettings struct {
	AppID         number   `json:"appId"`
	PrivateKey    string   `json:"privateKey"`
	WebhookSecret string   `json:"webhookSecret"`
	Owners        []string `json:"allowedInstallationOwners"`
	PublicAccess  bool     `json:"publicAccess"`
}

// number is a whole number that may be written as text.
type number string

// UnmarshalJSON reads a number or a text.
func (n *number) UnmarshalJSON(data []byte) error {
	text := strings.Trim(string(data), `"`)
	if text == "" || text == "null" || strings.Trim(text, "0123456789") != "" {
		return fmt.Errorf("%s is not the number of a GitHub App", data)
	}
	*n = number(text)
	return nil
}

// readHosts reads integrations.github, completes it, and adds github.com.
func readHosts(c plugin.Config) ([]hostSettings, error) {
	var hosts []hostSettings
	if err := c.Decode("integrations.github", &hosts); err != nil {
		return nil, fmt.Errorf("read integrations.github: %w", err)
	}
	for i := range hosts {
		if err := hosts[i].complete(); err != nil {
			return nil, fmt.Errorf("integrations.github[%d]: %w", i, err)
		}
		if n := slices.IndexFunc(hosts, func(h hostSettings) bool { return strings.EqualFold(h.Host, hosts[i].Host) }); n != i {
			return nil, fail.New(fail.Invalid, "integrations.github[%d]: the host %s is configured twice", i, hosts[i].Host)
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
	if h.Host == "" {
		h.Host = publicHost
	}
	if strings.ContainsAny(h.Host, "/@ ") {
		return fail.New(fail.Invalid, "host: %q is not a host", h.Host)
	}
	h.Token = strings.TrimSpace(h.Token)
	if h.APIBaseURL == "" {
		h.APIBaseURL = "https://" + h.Host + "/api/v3"
		if h.Host == publicHost {
			h.APIBaseURL = "https://api.github.com"
		}
	}
	if h.RawBaseURL == "" {
		h.RawBaseURL = "https://" + h.Host + "/raw"
		if h.Host == publicHost {
			h.RawBaseURL = "https://raw.githubusercontent.com"
		}
	}
	for _, base := range []*string{&h.APIBaseURL, &h.RawBaseURL} {
		*base = strings.TrimRight(*base, "/")
		if u, err := url.Parse(*base); err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") {
			return fail.New(fail.Invalid, "%q is not a base URL", *base)
		}
	}
	return nil
}

// graphQL is the address of the GraphQL API that belongs to the REST API.
func (h *hostSettings) graphQL() string {
	if base, ok := strings.CutSuffix(h.APIBaseURL, "/v3"); ok {
		return base + "/graphql"
	}
	return h.APIBaseURL + "/graphql"
}

// readWebhookSecrets collects every secret that may sign an event.
func readWebhookSecrets(c plugin.Config, hosts []hostSettings) ([]string, error) {
	var secret string
	if err := c.Decode("events.modules.github.webhookSecret", &secret); err != nil {
		return nil, fmt.Errorf("read events.modules.github.webhookSecret: %w", err)
	}
	secrets := []string{secret}
	for _, h := range hosts {
		for _, a := range h.Apps {
			secrets = append(secrets, a.WebhookSecret)
		}
	}
	return slices.DeleteFunc(secrets, func(s string) bool { return strings.TrimSpace(s) == "" }), nil
}

// list is a value that may be written as a list or as its only item.
type list[T any] []T

// UnmarshalJSON reads a list or one item.
func (l *list[T]) UnmarshalJSON(data []byte) error {
	var many []T
	if err := json.Unmarshal(data, &many); err == nil {
		*l = many
		return nil
	}
	var one T
	if err := json.Unmarshal(data, &one); err != nil {
		return err //nolint:wrapcheck // the configuration says where
	}
	*l = list[T]{one}
	return nil
}
