package portal

import (
	"context"

	"github.com/stagedoor/stagedoor/internal/config"
	"github.com/stagedoor/stagedoor/internal/telemetry"
)

// followLogging makes the log follow the configuration: its level, and the
// secrets that must not appear in it. A level that is wrong stops the start; on
// a reload the one before stays.
func followLogging(ctx context.Context, tel *telemetry.Telemetry, watcher *config.Watcher) error {
	forget := func() {}
	apply := func(c *config.Config) error {
		next := tel.Redactor.Add(c.Secrets()...)
		forget()
		forget = next
		name, _, err := c.StringOpt("backend.logger.level")
		if err != nil {
			return err
		}
		level, err := telemetry.ParseLevel(name)
		if err != nil {
			return err
		}
		tel.Level.Set(level)
		return nil
	}
	watcher.Subscribe(func(c *config.Config) {
		if err := apply(c); err != nil {
			tel.Logger.ErrorContext(ctx, "the log keeps its level", "error", err)
		}
	})
	return apply(watcher.Current())
}
