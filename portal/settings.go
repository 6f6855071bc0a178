package portal

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"strconv"
	"time"

	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/fetch"
	"github.com/stagedoor/stagedoor/internal/httpx"
	"github.com/stagedoor/stagedoor/plugin"
)

// defaultPort is where the portal listens when nothing is configured.
const defaultPort = 7007

// settings are the parts of the configuration that the portal itself reads,
// once, at the start.
type settings struct {
	Strict bool
	Dir    string

	Database db.Config
	Reading  []fetch.Allow
	Server   httpx.ServerOptions
	Root     httpx.RootOptions
	// OpenRoutes lets callers without credentials through to every route that
	// does not ask for a user.
	OpenRoutes bool
	// SelfSigned asks for a certificate that nobody vouches for.
	SelfSigned bool
}

// listen reads backend.listen: ":7007", "7007", or {host, port}.
type listen struct {
	Host string
	Port int
}

// UnmarshalJSON reads any of the forms.
func (l *listen) UnmarshalJSON(data []byte) error {
	var object struct {
		Host string      `json:"host"`
		Port json.Number `json:"port"`
	}
	var text string
	switch {
	case json.Unmarshal(data, &text) == nil:
		host, port, err := net.SplitHostPort(text)
		if err != nil {
			host, port = "", text
		}
		object.Host, object.Port = host, json.Number(port)
	default:
		if err := json.Unmarshal(data, &object); err != nil {
			return fmt.Errorf("want an address such as :7007, or {host, port}: %w", err)
		}
	}
	l.Host, l.Port = object.Host, defaultPort
	if object.Port != "" {
		port, err := strconv.Atoi(object.Port.String())
		if err != nil || port < 0 || port > 65535 {
			return fmt.Errorf("%q is not a port", object.Port.String())
		}
		l.Port = port
	}
	return nil
}

type certificate struct {
	Certificate struct {
		Cert string `json:"cert"`
		Key  string `json:"key"`
	} `json:"certificate"`
}

type cors struct {
	Origin            plugin.Strings `json:"origin"`
	Methods           plugin.Strings `json:"methods"`
	AllowedHeaders    plugin.Strings `json:"allowedHeaders"`
	ExposedHeaders    plugin.Strings `json:"exposedHeaders"`
	Credentials       bool           `json:"credentials"`
	MaxAge            int            `json:"maxAge"`
	PreflightContinue bool           `json:"preflightContinue"`
	PreflightStatus   int            `json:"optionsSuccessStatus"`
}

// readSettings decodes the keys that the portal itself uses. Errors name file
// and line.
func readSettings(cfg plugin.Config) (settings, error) {
	var (
		s             settings
		err           error
		compatibility string
		at            = listen{Port: defaultPort}
		https         json.RawMessage
		cross         cors
		csp           map[string]any
		limits        json.RawMessage
		referrer      plugin.Strings
		pause, delay  plugin.Duration
		proxies       any
		timeouts      struct {
			Headers   plugin.Duration `json:"headersTimeout"`
			Request   plugin.Duration `json:"requestTimeout"`
			KeepAlive plugin.Duration `json:"keepAliveTimeout"`
		}
	)
	for _, key := range []struct {
		path string
		into any
	}{
		{"stagedoor.compatibility", &compatibility},
		{"backend.workingDirectory", &s.Dir},
		{"backend.database", &s.Database},
		{"backend.reading.allow", &s.Reading},
		{"backend.listen", &at},
		{"backend.https", &https},
		{"backend.cors", &cross},
		{"backend.csp", &csp},
		{"backend.rateLimit", &limits},
		{"backend.referrer.policy", &referrer},
		{"backend.health.headers", &s.Root.HealthHeaders},
		{"backend.lifecycle.startupRequestPauseTimeout", &pause},
		{"backend.lifecycle.serverShutdownDelay", &delay},
		{"backend.server", &timeouts},
		{"backend.trustProxy", &proxies},
		{"backend.auth.dangerouslyDisableDefaultAuthPolicy", &s.OpenRoutes},
	} {
		if err := cfg.Decode(key.path, key.into); err != nil {
			return s, err
		}
	}
	switch compatibility {
	case "", "default":
	case "strict":
		s.Strict = true
	default:
		return s, fault.Newf(fault.Invalid, "stagedoor.compatibility: expected strict or default, found %q", compatibility)
	}
	if s.Dir == "" {
		dir, err := os.Getwd()
		if err != nil {
			return s, fmt.Errorf("find working directory: %w", err)
		}
		s.Dir = dir
	}
	s.Server = httpx.ServerOptions{
		Host: at.Host, Port: at.Port, ShutdownDelay: time.Duration(delay),
		HeaderTimeout: time.Duration(timeouts.Headers), RequestTimeout: time.Duration(timeouts.Request), IdleTimeout: time.Duration(timeouts.KeepAlive),
	}
	s.Root.CrossSite = []string{identityProviderPost}
	s.Root.StartupPause = time.Duration(pause)
	s.Root.CORS = httpx.CORS{
		Origins: cross.Origin, Methods: cross.Methods, AllowedHeaders: cross.AllowedHeaders, ExposedHeaders: cross.ExposedHeaders,
		Credentials: cross.Credentials, MaxAge: cross.MaxAge, PreflightContinue: cross.PreflightContinue, PreflightStatus: cross.PreflightStatus,
	}
	if len(referrer) > 0 {
		s.Root.Referrer = referrer[len(referrer)-1]
	}
	if s.Root.TrustProxy, err = httpx.ParseTrustProxy(proxies); err != nil {
		return s, err
	}
	return s, s.optional(https, limits, csp)
}

// optional reads the keys that may be a switch or an object.
func (s *settings) optional(https, limits json.RawMessage, csp map[string]any) error {
	if len(https) > 0 && https[0] == '{' {
		var c certificate
		if err := json.Unmarshal(https, &c); err != nil {
			return fault.Newf(fault.Invalid, "backend.https: %w", err)
		}
		s.Server.CertPEM, s.Server.KeyPEM = []byte(c.Certificate.Cert), []byte(c.Certificate.Key)
	} else if string(https) == "true" {
		s.SelfSigned = true
	}
	var err error
	if s.Root.RateLimit, err = readRateLimit(limits); err != nil {
		return err
	}
	directives, err := httpx.ParseCSP(csp)
	if err != nil {
		return err
	}
	s.Root.CSP = directives
	return nil
}
