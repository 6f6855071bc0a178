package identityplugin

import (
	"fmt"
	"slices"
	"strings"

	"github.com/stagedoor/stagedoor/identity/internal/gateway"
	"github.com/stagedoor/stagedoor/identity/internal/resolve"
	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/plugin"
)

// globalSettings is where the settings of all sign-ins stand.
const globalSettings = "stagedoor.auth"

// readResolvers reads who accounts become. The resolvers of a provider stand at
// auth.providers.<id>.<environment>.signIn.resolvers, those of a gateway at
// auth.providers.<id>.signIn.resolvers, as in Backstage. userNamespace,
// defaultOwnership and ownership may stand below stagedoor.auth, in a signIn
// block and beside a resolver; the innermost wins. A gateway without resolvers
// is an error, since it would let nobody in.
func readResolvers(cfg plugin.Config, environment string) (resolve.Config, error) {
	out := resolve.Config{Providers: map[string][]resolve.Entry{}}
	if err := cfg.Decode(globalSettings, &out.Settings); err != nil {
		return out, err
	}
	for _, id := range cfg.Keys("auth.providers") {
		if !gateway.Known(id) {
			if err := readEnvironments(cfg, id, environment, &out); err != nil {
				return out, err
			}
			continue
		}
		path := "auth.providers." + id + ".signIn"
		entries, err := readSignIn(cfg, id, path, out.Settings)
		if err != nil {
			return out, err
		}
		if len(entries) == 0 {
			return out, fault.Newf(fault.Invalid, "%s.resolvers: No sign-in resolver configured for proxy auth provider '%s': write one of %s",
				path, id, strings.Join(resolve.Names(id), ", "))
		}
		out.Providers[id] = entries
	}
	return out, nil
}

// readEnvironments reads the signIn blocks of a provider that has one in every
// environment.
func readEnvironments(cfg plugin.Config, id, current string, out *resolve.Config) error {
	for _, env := range cfg.Keys("auth.providers." + id) {
		entries, err := readSignIn(cfg, id, "auth.providers."+id+"."+env+".signIn", out.Settings)
		if err != nil {
			return err
		}
		if len(entries) == 0 {
			continue
		}
		out.Providers[resolve.Key(id, env)] = entries
		if env == current {
			out.Providers[id] = entries
		}
	}
	return nil
}

// readSignIn reads one signIn block.
func readSignIn(cfg plugin.Config, provider, path string, outer resolve.Settings) ([]resolve.Entry, error) {
	var settings resolve.Settings
	if err := cfg.Decode(path, &settings); err != nil {
		return nil, err
	}
	settings = settings.Or(outer)
	var entries []resolve.Entry
	path += ".resolvers"
	if err := cfg.Decode(path, &entries); err != nil {
		return nil, err
	}
	for i := range entries {
		item := fmt.Sprintf("%s[%d]", path, i)
		check := resolverName{provider: provider}
		// Decoded once more so that the error names the line.
		if err := cfg.Decode(item+".resolver", &check); err != nil {
			return nil, err
		}
		if err := check.UnmarshalText([]byte(entries[i].Resolver)); err != nil {
			return nil, fault.Newf(fault.Invalid, "%s.resolver: %w", item, err)
		}
		entries[i].Settings = entries[i].Or(settings)
	}
	return entries, nil
}

// resolverName is the name of a resolver that the provider has.
type resolverName struct{ provider string }

// UnmarshalText refuses names that the provider does not have.
func (n *resolverName) UnmarshalText(text []byte) error {
	names := resolve.Names(n.provider)
	if slices.Contains(names, string(text)) {
		return nil
	}
	return fmt.Errorf("Sign-in resolver '%s' is not available: %s has %s", text, n.provider, strings.Join(names, ", ")) //nolint:staticcheck // begins as Backstage's
}
