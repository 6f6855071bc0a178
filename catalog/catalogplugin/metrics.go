package catalogplugin

import "github.com/prometheus/client_golang/prometheus"

// registerMetrics offers the figures that operators watch.
func (c *Catalog) registerMetrics() {
	if c.deps.Registry == nil {
		return
	}
	c.deps.Registry.MustRegister(
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "stagedoor_catalog_entities", Help: "Entities in the read model.",
		}, func() float64 { return float64(c.index.Snapshot().Len()) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "stagedoor_catalog_change_seq", Help: "Number of the last change in the read model.",
		}, func() float64 { return float64(c.index.Snapshot().Seq()) }),
	)
}
