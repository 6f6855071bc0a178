package portal_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"testing"

	"github.com/stagedoor/stagedoor/internal/db/dbtest"
)

// Changes at either replica are in one chain, and both read all of it.
func TestReplicas_ShareOneAuditLog(t *testing.T) {
	t.Parallel()
	dsn := dbtest.PostgresDSN(t)
	replicas := []*replica{startReplica(t, dsn), startReplica(t, dsn)}
	token := replicas[0].token()
	const each = 10
	var wg sync.WaitGroup
	for i, r := range replicas {
		wg.Go(func() {
			for n := range each {
				body := map[string]string{"type": "url", "target": fmt.Sprintf("https://h.example/%d-%d.yaml", i, n)}
				if status, answer := r.call(http.MethodPost, "/api/catalog/locations", token, body); status != http.StatusCreated {
					t.Errorf("register: %d %s", status, answer)
				}
			}
		})
	}
	wg.Wait()
	for _, r := range replicas {
		took := r.until("all events", func() bool {
			_, answer := r.call(http.MethodGet, "/api/audit/events?event=location-mutate&status=succeeded&limit=100", token, nil)
			var page struct {
				Items []struct{ Actor struct{ Subject string } }
			}
			if err := json.Unmarshal(answer, &page); err != nil {
				t.Fatalf("%v: %s", err, answer)
			}
			return len(page.Items) == each*len(replicas) && page.Items[0].Actor.Subject == "user:default/guest"
		})
		t.Logf("found after %v", took)
	}
	var verdict struct {
		OK      bool
		Checked int
		Problem any
	}
	_, answer := replicas[1].call(http.MethodGet, "/api/audit/verify", token, nil)
	if err := json.Unmarshal(answer, &verdict); err != nil || !verdict.OK || verdict.Checked < each*len(replicas) {
		t.Errorf("%v: %s", err, answer)
	}
}
