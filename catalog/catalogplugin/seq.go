package catalogplugin

// Seq is the number of the last change that the read model has taken in, and 0
// before it is loaded. Safe for concurrent use.
func (c *Catalog) Seq() int64 {
	if c.index == nil {
		return 0
	}
	return c.index.Snapshot().Seq()
}
