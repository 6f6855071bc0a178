package portal

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/stagedoor/stagedoor/internal/config"
	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/fetch"
)

func settingsOf(t *testing.T, data map[string]any) (settings, error) {
	t.Helper()
	return readSettings(config.New(data, "app-config.yaml").Live())
}

func TestReadSettings_TakesEveryFormOfTheKeys(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		backend map[string]any
		check   func(settings) string
	}{
		"no address":     {map[string]any{}, func(s settings) string { return cmp.Diff(7007, s.Server.Port) }},
		"a port as text": {map[string]any{"listen": ":7100"}, func(s settings) string { return cmp.Diff(7100, s.Server.Port) }},
		"a port alone":   {map[string]any{"listen": "7100"}, func(s settings) string { return cmp.Diff(7100, s.Server.Port) }},
		"host and port as an object": {map[string]any{"listen": map[string]any{"host": "127.0.0.1", "port": "7100"}}, func(s settings) string {
			return cmp.Diff([]any{"127.0.0.1", 7100}, []any{s.Server.Host, s.Server.Port})
		}},
		"one origin": {map[string]any{"cors": map[string]any{"origin": "http://localhost:3000", "credentials": true}}, func(s settings) string {
			return cmp.Diff([]string{"http://localhost:3000"}, s.Root.CORS.Origins)
		}},
		"hosts that may be read": {map[string]any{"reading": map[string]any{"allow": []any{map[string]any{"host": "localhost:7799"}}}}, func(s settings) string {
			return cmp.Diff([]fetch.Allow{{Host: "localhost:7799"}}, s.Reading)
		}},
		"a rate limit":        {map[string]any{"rateLimit": map[string]any{"window": "10s", "incomingRequestLimit": 5.0}}, func(s settings) string { return cmp.Diff(10*time.Second, s.Root.RateLimit.Window) }},
		"the usual limit":     {map[string]any{"rateLimit": true}, func(s settings) string { return cmp.Diff(true, s.Root.RateLimit != nil) }},
		"https without a key": {map[string]any{"https": true}, func(s settings) string { return cmp.Diff(true, s.SelfSigned) }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, err := settingsOf(t, map[string]any{"backend": tc.backend})
			if err != nil {
				t.Fatal(err)
			}
			if diff := tc.check(s); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestReadSettings_SaysWhichKeyIsWrong(t *testing.T) {
	t.Parallel()
	for key, data := range map[string]map[string]any{
		"stagedoor.compatibility": {"stagedoor": map[string]any{"compatibility": "exact"}},
		"backend.listen":          {"backend": map[string]any{"listen": "localhost:http"}},
		"backend.rateLimit":       {"backend": map[string]any{"rateLimit": map[string]any{"ipAllowList": []any{"nobody"}}}},
		"backend.reading.allow":   {"backend": map[string]any{"reading": map[string]any{"allow": "all"}}},
	} {
		if _, err := settingsOf(t, data); err == nil || !strings.Contains(err.Error(), key) || !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: got %v, want an error with code invalid that names the key", key, err)
		}
	}
}

func TestIsoDuration_RendersWhatClientsRead(t *testing.T) {
	t.Parallel()
	for want, d := range map[string]time.Duration{
		"PT0S": 0, "PT10M": 10 * time.Minute, "PT1H30M": 90 * time.Minute, "PT0.5S": 500 * time.Millisecond, "PT15M2S": 15*time.Minute + 2*time.Second,
	} {
		if got := isoDuration(d); got != want {
			t.Errorf("%v is rendered as %s, want %s", d, got, want)
		}
	}
}
