package gitlab

import (
	"context"
	"fmt"
	"log/slog"
	"reflect"
	"time"

	"github.com/stagedoor/stagedoor/integration/internal/discovery"
	"github.com/stagedoor/stagedoor/plugin"
)

// Plugin is the integration. The zero value is ready for the portal's list.
type Plugin struct{}

// ID is "gitlab".
func (Plugin) ID() string { return "gitlab" }

// Init adds the URL host, the providers of the configuration and the receiver
// of webhooks. Settings of hosts and providers follow the configuration while
// it changes; providers themselves come and go with a restart.
func (Plugin) Init(ctx context.Context, h *plugin.Host) error {
	in := &integration{host: h, log: h.Logger, clock: h.Clock, hosts: newHosts()}
	if err := in.load(); err != nil {
		return err
	}
	h.Config.Subscribe(func() {
		if err := in.load(); err != nil {
			in.log.Error("the settings of integrations.gitlab stay as they were", "error", err) //nolint:sloglint // no context here
		}
	})
	h.URLs.Add(in.hosts)
	for _, entry := range discovery.Entries(h.Config, providersPath) {
		if err := in.addProvider(ctx, entry); err != nil {
			return err
		}
	}
	in.addRefresher()
	h.Events.Receive("gitlab", in.verify)
	h.Events.Subscribe("gitlab", in.receive)
	return nil
}

// integration is the plugin at work.
type integration struct {
	host  *plugin.Host
	log   *slog.Logger
	clock func() time.Time
	hosts *hosts

	projects  []provider
	people    []provider
	refresher *discovery.Provider
}

// provider is a provider with the place of its settings, which are read anew
// for every run.
type provider struct {
	*discovery.Provider
	entry discovery.Entry
}

// load reads the hosts and puts them in place of the old ones. A host whose
// settings are the same stays, with its tokens and what it knows of limits.
func (in *integration) load() error {
	settings, err := readHosts(in.host.Config)
	if err != nil {
		return err
	}
	var list []*forge
	for _, s := range settings {
		if old := in.hosts.byHost(s.Host); old != nil && reflect.DeepEqual(old.settings, s) {
			list = append(list, old)
			continue
		}
		f, err := newForge(s, in.clock, nil)
		if err != nil {
			return fmt.Errorf("integrations.gitlab of %s: %w", s.Host, err)
		}
		list = append(list, f)
	}
	in.hosts.list.Store(&list)
	return nil
}

// addProvider adds the discovery of an entry and, if it asks for it, its people.
func (in *integration) addProvider(ctx context.Context, entry discovery.Entry) error {
	s, err := in.providerSettings(entry)
	if err != nil {
		return err
	}
	p := provider{entry: entry}
	p.Provider = discovery.New("GitlabDiscoveryEntityProvider:"+entry.ID, in.log, func(ctx context.Context, _ *discovery.Provider) error {
		return in.discover(ctx, p)
	})
	if err := p.Register(ctx, in.host, s.Schedule); err != nil {
		return err
	}
	in.projects = append(in.projects, p)
	if !s.OrgEnabled {
		return nil
	}
	o := provider{entry: entry}
	o.Provider = discovery.New("GitlabOrgDiscoveryEntityProvider:"+entry.ID, in.log, func(ctx context.Context, _ *discovery.Provider) error {
		return in.readPeople(ctx, o)
	})
	if err := o.Register(ctx, in.host, s.Schedule); err != nil {
		return err
	}
	in.people = append(in.people, o)
	return nil
}

// addRefresher adds a provider without entities, whose connection carries the
// wish to read again what a push changed.
func (in *integration) addRefresher() {
	in.refresher = discovery.New("gitlab-events", in.log, nil)
	in.host.Catalog.AddProvider(in.refresher)
}
