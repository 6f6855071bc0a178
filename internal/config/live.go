package config

// Live is the view of the configuration that plugins get: every answer comes
// from the newest good configuration. Safe for concurrent use.
type Live struct {
	current   func() *Config
	subscribe func(func(*Config)) (cancel func())
}

// Live returns the view that follows the watcher.
func (w *Watcher) Live() *Live { return &Live{current: w.Current, subscribe: w.Subscribe} }

// Live returns a view of a configuration that never changes.
func (c *Config) Live() *Live {
	return &Live{
		current:   func() *Config { return c },
		subscribe: func(func(*Config)) func() { return func() {} },
	}
}

// Current returns the configuration that the other methods ask now. Take it
// once where several answers must belong together.
func (l *Live) Current() *Config { return l.current() }

// Has is [Config.Has] of the newest configuration.
func (l *Live) Has(path string) bool { return l.current().Has(path) }

// Keys is [Config.Keys] of the newest configuration.
func (l *Live) Keys(path string) []string { return l.current().Keys(path) }

// Decode is [Config.Decode] of the newest configuration.
func (l *Live) Decode(path string, into any) error { return l.current().Decode(path, into) }

// Subscribe has fn called after every reload, when the other methods give the
// new values already.
func (l *Live) Subscribe(fn func()) { l.subscribe(func(*Config) { fn() }) }
