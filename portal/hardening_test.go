package portal

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/httpx"
)

func TestReadSettings_RateLimitsAsBackstageWritesThem(t *testing.T) {
	t.Parallel()
	here := []netip.Addr{netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("::1")}
	for name, tc := range map[string]struct {
		config any
		want   *httpx.RateLimit
	}{
		"not there":    {nil, nil},
		"switched off": {false, nil},
		"switched on":  {true, &httpx.RateLimit{Exempt: here}},
		"in full": {map[string]any{
			"window": map[string]any{"seconds": 30}, "incomingRequestLimit": 9, "ipAllowList": []any{"192.0.2.1"}, "skipFailedRequests": true,
			"store": map[string]any{"type": "memory"},
		}, &httpx.RateLimit{Window: 30 * time.Second, Requests: 9, Exempt: []netip.Addr{netip.MustParseAddr("192.0.2.1")}, SkipFailed: true}},
		"for one plugin": {map[string]any{
			"global": false, "plugin": map[string]any{"catalog": map[string]any{"incomingRequestLimit": 7, "skipSuccessfulRequests": true, "ipAllowList": []any{}}},
		}, &httpx.RateLimit{Off: true, Exempt: here, Plugins: map[string]httpx.RateLimit{"catalog": {Requests: 7, SkipSuccessful: true, Exempt: []netip.Addr{}}}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			backend := map[string]any{}
			if tc.config != nil {
				backend["rateLimit"] = tc.config
			}
			s, err := settingsOf(t, map[string]any{"backend": backend})
			if err != nil {
				t.Fatal(err)
			}
			addresses := cmp.Comparer(func(a, b netip.Addr) bool { return a == b })
			empty := cmpopts.EquateEmpty()
			if diff := cmp.Diff(tc.want, s.Root.RateLimit, addresses, empty); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	_, err := settingsOf(t, map[string]any{"backend": map[string]any{"rateLimit": map[string]any{"plugin": map[string]any{"catalog": map[string]any{"window": "soon"}}}}})
	if !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), "backend.rateLimit") {
		t.Errorf("a bad window gave %v", err)
	}
}
