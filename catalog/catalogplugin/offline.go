package catalogplugin

import "context"

// LoadOffline makes the catalog usable without its actor: what is stored can
// be read, and what is written is due for whoever runs next. It is for
// commands that work on the database when no server runs. Init must have
// returned.
func (c *Catalog) LoadOffline(ctx context.Context) error {
	s, err := c.readSettings()
	if err != nil {
		return err
	}
	engine, err := c.assemble(s)
	if err != nil {
		return err
	}
	if err := engine.Load(ctx); err != nil {
		return err
	}
	c.startOne.Do(func() { close(c.started) })
	return nil
}
