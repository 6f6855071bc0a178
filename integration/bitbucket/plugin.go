package bitbucket

import (
	"context"
	"fmt"

	"github.com/stagedoor/stagedoor/plugin"
)

// Plugin is the integration. The zero value is ready for the portal's list.
type Plugin struct{}

// ID is "bitbucket".
func (Plugin) ID() string { return "bitbucket" }

// Init adds the URL hosts, whose settings follow the configuration while it
// changes.
func (Plugin) Init(_ context.Context, h *plugin.Host) error {
	cloud, server := &clouds{}, &servers{}
	load := func() error {
		c, err := readClouds(h.Config, h.Clock)
		if err != nil {
			return fmt.Errorf("read integrations.bitbucketCloud: %w", err)
		}
		s, err := readServers(h.Config, h.Clock)
		if err != nil {
			return fmt.Errorf("read integrations.bitbucketServer: %w", err)
		}
		cloud.list.Store(&c)
		server.list.Store(&s)
		return nil
	}
	if err := load(); err != nil {
		return err
	}
	h.Config.Subscribe(func() {
		if err := load(); err != nil {
			h.Logger.Error("the settings of Bitbucket stay as they were", "error", err) //nolint:sloglint // no context here
		}
	})
	h.URLs.Add(cloud)
	h.URLs.Add(server)
	return nil
}
