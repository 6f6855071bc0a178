package identityplugin

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/stagedoor/stagedoor/identity"
	"github.com/stagedoor/stagedoor/identity/internal/access"
	"github.com/stagedoor/stagedoor/plugin"
)

// keysTimeout bounds one request for the keys of an external caller.
const keysTimeout = 10 * time.Second

// readCallers reads who else may call: backend.auth.externalAccess, and the
// older backend.auth.keys.
func (i *Identity) readCallers(ctx context.Context, cfg plugin.Config) (*access.Callers, error) {
	var entries []access.ExternalConfig
	if err := cfg.Decode("backend.auth.externalAccess", &entries); err != nil {
		return nil, err
	}
	var old []access.OldKeyConfig
	if err := cfg.Decode("backend.auth.keys", &old); err != nil {
		return nil, err
	}
	if len(old) > 0 {
		i.host.Logger.WarnContext(ctx, "backend.auth.keys is deprecated; use backend.auth.externalAccess with entries of the type legacy")
	}
	for _, path := range []string{"auth.keyStore", "backend.auth.pluginKeyStore"} {
		if kind := keyStoreOf(cfg, path); kind != "" && kind != "database" {
			i.host.Logger.WarnContext(ctx, "configured keys are not used: every replica signs with keys of its own and publishes them through the database", "path", path, "type", kind)
		}
	}
	return access.NewCallers(entries, old, access.Deps{
		Client: &http.Client{Timeout: keysTimeout, CheckRedirect: stayClose}, Clock: i.host.Clock, Logger: i.host.Logger,
	})
}

// keyStoreOf is the configured kind of a key store, or the empty string.
func keyStoreOf(cfg plugin.Config, path string) string {
	var store struct{ Provider, Type string }
	if err := cfg.Decode(path, &store); err != nil {
		return err.Error()
	}
	return store.Provider + store.Type
}

// stayClose follows few redirects, and none that gives encryption up.
func stayClose(next *http.Request, via []*http.Request) error {
	if len(via) > 3 || (via[0].URL.Scheme == "https" && next.URL.Scheme != "https") {
		return errors.New("the redirect is not followed")
	}
	return nil
}

// PluginToken issues the token with which the plugin source calls a plugin of
// another portal or back end for the principal, and says when the token ends.
// It returns errors with code forbidden or unauthenticated when the principal
// may not have that done. Safe for concurrent use.
func (i *Identity) PluginToken(ctx context.Context, p identity.Principal, source, target string) (token string, expires time.Time, err error) {
	issued, err := access.Delegate(ctx, i.issuer, p, source, target)
	return issued.Token, issued.Expires, err
}
