package plugin_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stagedoor/stagedoor/plugin"
)

func TestDuration_ReadsTheThreeFormsOfAppConfig(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]time.Duration{
		`{"minutes": 5}`:                time.Duration(5) * time.Minute,
		`{"hours": 1, "seconds": "30"}`: time.Hour + 30*time.Second,
		`"PT5M"`:                        5 * time.Minute,
		`"P1DT12H"`:                     36 * time.Hour,
		`"PT0.5S"`:                      500 * time.Millisecond,
		`"5m"`:                          5 * time.Minute,
		`"2 hours"`:                     2 * time.Hour,
		`"1500"`:                        1500 * time.Millisecond,
		`"1.5h"`:                        90 * time.Minute,
	} {
		var d plugin.Duration
		if err := json.Unmarshal([]byte(in), &d); err != nil || time.Duration(d) != want {
			t.Errorf("%s reads as %v (%v), want %v", in, time.Duration(d), err, want)
		}
	}
}

func TestDuration_RefusesWhatIsNoDuration(t *testing.T) {
	t.Parallel()
	for _, in := range []string{`"soon"`, `"P"`, `"PT"`, `{}`, `{"minute": 5}`, `{"minutes": "x"}`, `true`, `5`, `"5 lightyears"`} {
		var d plugin.Duration
		if err := json.Unmarshal([]byte(in), &d); err == nil {
			t.Errorf("%s reads as %v, want an error", in, time.Duration(d))
		}
	}
}
