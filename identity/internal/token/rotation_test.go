package token_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"github.com/stagedoor/stagedoor/identity/internal/store"
	"github.com/stagedoor/stagedoor/identity/internal/token"
	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/db/dbtest"
	"github.com/stagedoor/stagedoor/internal/fault"
)

// watch is a clock that only moves when told.
type watch struct {
	mu  sync.Mutex
	now time.Time
}

func (w *watch) read() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *watch) forward(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

func replica(keys token.KeyStore, clock func() time.Time, life func() time.Duration) *token.Issuer {
	return token.New(token.Deps{
		Keys: keys, Clock: clock, NewID: uuid.NewString,
		BaseURL: func() string { return "https://portal.example.com/api/auth" },
		Life:    life, WithOwnership: func() bool { return false },
	})
}

func hour() time.Duration { return time.Hour }

func kidOf(t *testing.T, issued token.Issued) string {
	t.Helper()
	jws, err := token.Parse(issued.Token)
	if err != nil {
		t.Fatal(err)
	}
	return jws.KeyID
}

// published returns the ids of the published keys.
func published(t *testing.T, i *token.Issuer) map[string]bool {
	t.Helper()
	raw, err := i.JWKS(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var set struct{ Keys []struct{ Kid string } }
	if err := json.Unmarshal(raw, &set); err != nil {
		t.Fatal(err)
	}
	kids := map[string]bool{}
	for _, k := range set.Keys {
		kids[k.Kid] = true
	}
	return kids
}

func TestReplicas_AgreeWhileTheirKeysRotate(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		t.Parallel()
		c := &watch{now: time.Unix(1_800_000_000, 0)}
		var replicas []*token.Issuer
		for range 3 {
			replicas = append(replicas, replica(store.New(d, c.read), c.read, hour))
		}
		type live struct {
			issued token.Issued
			plugin token.Issued
		}
		var tokens []live
		kids := map[string]bool{}
		for step := range 45 {
			// Everybody signs at once, and everybody verifies at once what was
			// signed, by whomever.
			fresh := make([]live, len(replicas))
			var wg sync.WaitGroup
			for n, r := range replicas {
				wg.Go(func() {
					var err error
					if fresh[n].issued, err = r.User(t.Context(), token.User{Ref: fmt.Sprintf("user:default/u%d", step)}); err != nil {
						t.Error(err)
					}
					if fresh[n].plugin, err = r.Plugin(t.Context(), token.Call{Source: "search", Target: "catalog", OnBehalfOf: fresh[n].issued.Token}); err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
			for _, f := range fresh {
				kids[kidOf(t, f.issued)] = true
			}
			tokens = append(tokens, fresh...)
			for _, r := range replicas {
				wg.Go(func() {
					for _, x := range tokens {
						alive := c.read().Before(x.issued.Expires)
						_, err := r.Verify(t.Context(), x.issued.Token)
						_, pluginErr := r.VerifyPlugin(t.Context(), x.plugin.Token, "catalog")
						if (err == nil) != alive || (pluginErr == nil) != alive {
							t.Errorf("step %d: a token that ends at %v gives %v and %v at %v", step, x.issued.Expires, err, pluginErr, c.read())
						}
					}
				})
			}
			wg.Wait()
			c.forward(7*time.Minute + 3*time.Second)
		}
		if len(kids) < 3*5 {
			t.Errorf("three replicas signed with %d keys in five hours", len(kids))
		}
		// Old ones go: three lives after they began to sign.
		if left := len(published(t, replicas[0])); left > 3*4+1 {
			t.Errorf("%d keys are published after five hours", left)
		}
	})
}

func TestVerify_FindsAFreshKeyWhateverIsInvented(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		keys := &countedKeys{memoryKeys: newMemoryKeys()}
		here := replica(keys, time.Now, hour)
		mine, err := here.User(t.Context(), token.User{Ref: "user:default/jane"})
		if err != nil {
			t.Fatal(err)
		}
		begin := time.Now()
		var wg sync.WaitGroup
		// Every millisecond comes a token with a key id that nobody has.
		for n := range 5000 {
			wg.Go(func() {
				time.Sleep(time.Duration(n) * time.Millisecond) // the bubble's clock
				if _, err := here.Verify(t.Context(), invented(t, uuid.NewString())); !fault.Is(err, fault.Unauthenticated) {
					t.Errorf("an invented key gave %v", err)
				}
			})
		}
		// Meanwhile replicas start, and send what they sign at once.
		for n := range 40 {
			wg.Go(func() {
				time.Sleep(time.Duration(n)*111*time.Millisecond + time.Duration(rand.IntN(100))*time.Millisecond)
				there := replica(keys, time.Now, hour)
				issued, err := there.User(t.Context(), token.User{Ref: "user:default/jane"})
				if err != nil {
					t.Error(err)
				}
				asked := time.Now()
				if v, err := here.Verify(t.Context(), issued.Token); err != nil || v.Subject != "user:default/jane" {
					t.Errorf("a token signed a moment ago, %v after the start: %v", asked.Sub(begin), err)
				}
				if took := time.Since(asked); took > time.Second {
					t.Errorf("it took %v", took)
				}
				// What is known is not held up by what is not.
				asked = time.Now()
				if _, err := here.Verify(t.Context(), mine.Token); err != nil || time.Since(asked) > 0 {
					t.Errorf("a known key: %v after %v", err, time.Since(asked))
				}
			})
		}
		wg.Wait()
		if keys.reads > 7 {
			t.Errorf("the store was read %d times in five seconds", keys.reads)
		}
	})
}

// countedKeys counts how often the store is read.
type countedKeys struct {
	*memoryKeys
	reads int
}

func (c *countedKeys) Keys(ctx context.Context, now time.Time) ([][]byte, error) {
	c.mu.Lock()
	c.reads++
	c.mu.Unlock()
	return c.memoryKeys.Keys(ctx, now)
}

func invented(t *testing.T, kid string) string {
	t.Helper()
	head := base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, `{"typ":"vnd.backstage.user","alg":"ES256","kid":%q}`, kid))
	return head + "." + base64.RawURLEncoding.EncodeToString([]byte(`{"sub":"user:default/root","aud":"backstage","iat":1,"exp":99999999999}`)) + "." + base64.RawURLEncoding.EncodeToString([]byte("no signature at all, though as long as one must be: sixty-four by"))
}

func TestKeys_AreHadBeforeTheySign(t *testing.T) {
	t.Parallel()
	c := &watch{now: time.Unix(1_800_000_000, 0)}
	keys := newMemoryKeys()
	issuer := replica(keys, c.read, hour)
	sign := func() string {
		t.Helper()
		issued, err := issuer.User(t.Context(), token.User{Ref: "user:default/jane"})
		if err != nil {
			t.Fatal(err)
		}
		return kidOf(t, issued)
	}
	first := sign()
	c.forward(51 * time.Minute)
	if kid := sign(); kid != first {
		t.Errorf("after 51 minutes it signs with another key")
	}
	early := published(t, issuer)
	if len(early) != 2 {
		t.Fatalf("nine minutes before the first key retires there are %d keys, want the next one too", len(early))
	}
	c.forward(10 * time.Minute)
	if second := sign(); second == first || !early[second] {
		t.Errorf("after an hour it signs with %s; published in time were %v", second, early)
	}
	c.forward(10 * time.Hour) // nobody came
	if third := sign(); early[third] {
		t.Error("after ten idle hours it signs with an old key")
	}
}

func TestKeys_OutliveALifeThatWasMadeLonger(t *testing.T) {
	t.Parallel()
	c := &watch{now: time.Unix(1_800_000_000, 0)}
	keys := newMemoryKeys()
	life := 10 * time.Minute
	issuer := replica(keys, c.read, func() time.Duration { return life })
	short, err := issuer.User(t.Context(), token.User{Ref: "user:default/jane"})
	if err != nil {
		t.Fatal(err)
	}
	if d := short.Expires.Sub(c.read()); d != 10*time.Minute {
		t.Errorf("the token lives %v", d)
	}
	life = 24 * time.Hour
	long, err := issuer.User(t.Context(), token.User{Ref: "user:default/jane"})
	if err != nil {
		t.Fatal(err)
	}
	c.forward(24*time.Hour - time.Second)
	if _, err := replica(keys, c.read, hour).Verify(t.Context(), long.Token); err != nil {
		t.Errorf("a second before its end: %v", err)
	}
	if _, err := issuer.Verify(t.Context(), short.Token); err == nil {
		t.Error("the short token still passes")
	}
}

func TestKeys_ThatAreTakenOutStopWorking(t *testing.T) {
	t.Parallel()
	c := &watch{now: time.Unix(1_800_000_000, 0)}
	keys := newMemoryKeys()
	issuer := replica(keys, c.read, hour)
	issued, err := issuer.User(t.Context(), token.User{Ref: "user:default/jane"})
	if err != nil {
		t.Fatal(err)
	}
	verify := func() error {
		_, err := issuer.Verify(t.Context(), issued.Token)
		return err
	}
	if err := verify(); err != nil {
		t.Fatal(err)
	}
	keys.mu.Lock()
	clear(keys.keys)
	keys.mu.Unlock()
	c.forward(61 * time.Second)
	if err := verify(); !fault.Is(err, fault.Unauthenticated) {
		t.Errorf("a minute after its key was taken out of the database the token gives %v", err)
	}
	again, err := issuer.User(t.Context(), token.User{Ref: "user:default/jane"})
	if err != nil {
		t.Fatal(err)
	}
	if kidOf(t, again) == kidOf(t, issued) {
		t.Error("it signs on with a key that nobody has")
	}
	if _, err := replica(keys, c.read, hour).Verify(t.Context(), again.Token); err != nil {
		t.Errorf("the token after that: %v", err)
	}
}

func TestVerify_TellsAnOutageFromARefusal(t *testing.T) {
	t.Parallel()
	keys := &brokenKeys{memoryKeys: newMemoryKeys()}
	c := &watch{now: time.Unix(1_800_000_000, 0)}
	here, there := replica(keys, c.read, hour), replica(keys, c.read, hour)
	mine, err := here.User(t.Context(), token.User{Ref: "user:default/jane"})
	if err != nil {
		t.Fatal(err)
	}
	other, err := there.User(t.Context(), token.User{Ref: "user:default/jane"})
	if err != nil {
		t.Fatal(err)
	}
	keys.broken = true
	if _, err := here.Verify(t.Context(), other.Token); !fault.Is(err, fault.Unavailable) {
		t.Errorf("another replica's token during an outage: %v, want unavailable", err)
	}
	for range 3 {
		if _, err := here.Verify(t.Context(), mine.Token); err != nil {
			t.Errorf("a known key during an outage: %v", err)
		}
		c.forward(10 * time.Minute)
	}
	keys.broken = false
	if _, err := here.Verify(t.Context(), other.Token); err != nil {
		t.Errorf("after the outage: %v", err)
	}
}

// brokenKeys is a store that can break.
type brokenKeys struct {
	*memoryKeys
	broken bool
}

func (b *brokenKeys) Keys(ctx context.Context, now time.Time) ([][]byte, error) {
	if b.broken {
		return nil, fault.New(fault.Unavailable, "the database is gone")
	}
	return b.memoryKeys.Keys(ctx, now)
}

func TestKeys_SignForAnHourEach(t *testing.T) {
	t.Parallel()
	c := &watch{now: time.Unix(1_800_000_000, 0)}
	issuer := replica(newMemoryKeys(), c.read, hour)
	first, seen := map[string]time.Duration{}, map[string]time.Duration{}
	order := []string{}
	for at := time.Duration(0); at < 12*time.Hour; at += 5 * time.Minute {
		issued, err := issuer.User(t.Context(), token.User{Ref: "user:default/jane"})
		if err != nil {
			t.Fatal(err)
		}
		kid := kidOf(t, issued)
		if _, ok := first[kid]; !ok {
			first[kid] = at
			order = append(order, kid)
			if early, ok := seen[kid]; at > 0 && (!ok || at-early < 5*time.Minute) {
				t.Errorf("the key that signs from %v on was published at %v", at, early)
			}
		}
		for kid := range published(t, issuer) {
			if _, ok := seen[kid]; !ok {
				seen[kid] = at
			}
		}
		c.forward(5 * time.Minute)
	}
	if len(order) != 12 {
		t.Errorf("%d keys signed in twelve hours", len(order))
	}
	for n, kid := range order {
		if want := time.Duration(n) * time.Hour; first[kid] != want {
			t.Errorf("key %d signs from %v on, want %v", n, first[kid], want)
		}
	}
}
