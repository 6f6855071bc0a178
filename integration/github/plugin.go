package github

import (
	"context"
	"fmt"
	"log/slog"
	"reflect"
	"time"

	"github.com/stagedoor/stagedoor/catalog"
	"github.com/stagedoor/stagedoor/integration/internal/discovery"
	"github.com/stagedoor/stagedoor/plugin"
)

// Plugin is the integration. The zero value is ready for the portal's list.
type Plugin struct{}

// ID is "github".
func (Plugin) ID() string { return "github" }

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
			in.log.Error("the settings of integrations.github stay as they were", "error", err) //nolint:sloglint // no context here
		}
	})
	h.URLs.Add(in.hosts)
	if err := in.addRepositories(ctx); err != nil {
		return err
	}
	if err := in.addPeople(ctx); err != nil {
		return err
	}
	h.Catalog.AddProcessor(&peopleReader{in: in, read: map[catalog.Location]readPeople{}})
	h.Events.Receive("github", in.verify)
	h.Events.Subscribe("github", in.receive)
	return nil
}

// integration is the plugin at work.
type integration struct {
	host  *plugin.Host
	log   *slog.Logger
	clock func() time.Time
	hosts *hosts
	// sleep replaces waiting in tests.
	sleep func(context.Context, time.Duration) error

	repositories []repositoryProvider
	people       []peopleProvider
}

// repositoryProvider and peopleProvider are providers with the place of their
// settings, which are read anew for every run.
type repositoryProvider struct {
	*discovery.Provider
	entry discovery.Entry
}

type peopleProvider struct {
	*discovery.Provider
	id string
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
		f, err := newForge(s, in.clock, in.sleep)
		if err != nil {
			return fmt.Errorf("integrations.github of %s: %w", s.Host, err)
		}
		list = append(list, f)
	}
	in.hosts.list.Store(&list)
	return nil
}
