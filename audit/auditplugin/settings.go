package auditplugin

import (
	"time"

	"github.com/stagedoor/stagedoor/audit/internal/chain"
	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/secret"
	"github.com/stagedoor/stagedoor/plugin"
)

// defaultRetention is how long events are kept: a year and a month, so that a
// yearly audit sees a whole year.
const defaultRetention = 400 * 24 * time.Hour

// readKeys reads the keys of the chain.
func readKeys(c plugin.Config) (chain.Keys, error) {
	var current secret.Text
	var previous []secret.Text
	if err := c.Decode("stagedoor.audit.key", &current); err != nil {
		return chain.Keys{}, err
	}
	if err := c.Decode("stagedoor.audit.previousKeys", &previous); err != nil {
		return chain.Keys{}, err
	}
	return chain.NewKeys(current, previous...)
}

// retention reads how long events are kept; 0 is for ever.
func retention(c plugin.Config) (time.Duration, error) {
	age := defaultRetention
	err := decodeDuration(c, "stagedoor.audit.retention", &age)
	return age, err
}

func decodeDuration(c plugin.Config, path string, into *time.Duration) error {
	d := plugin.Duration(*into)
	if err := c.Decode(path, &d); err != nil {
		return err
	}
	if d < 0 {
		return fault.Newf(fault.Invalid, "%s: a duration is not negative", path)
	}
	*into = time.Duration(d)
	return nil
}
