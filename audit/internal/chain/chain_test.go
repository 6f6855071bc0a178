package chain

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/stagedoor/stagedoor/audit"
	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/secret"
)

func keys(t *testing.T, list ...string) Keys {
	t.Helper()
	if len(list) == 0 {
		return Keys{}
	}
	texts := make([]secret.Text, len(list))
	for i, k := range list {
		texts[i] = secret.New(strings.Repeat(k, minKey))
	}
	k, err := NewKeys(texts[0], texts[1:]...)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func entry(r *rand.Rand) Entry {
	text := func() string {
		const letters = "aé\"\\\n<>&\u2028ß\x01 :/{}x"
		runes := []rune(letters)
		out := make([]rune, r.IntN(8))
		for i := range out {
			out[i] = runes[r.IntN(len(runes))]
		}
		return string(out)
	}
	return Entry{
		Meta: fmt.Sprintf(`{"n":%d}`, r.IntN(100)),
		Event: audit.Event{
			ID: fmt.Sprintf("id-%d", r.Int64()), At: time.UnixMilli(r.Int64N(4e12)).UTC(), Plugin: text(), Name: text(),
			Severity: audit.Medium, Status: audit.Succeeded, Target: text(), Reason: text(),
			Actor:   audit.Actor{Kind: "user", Subject: text(), Via: text(), IP: text(), UserAgent: text()},
			Request: audit.Request{ID: text(), Method: text(), Path: text()},
		},
	}
}

// build seals n events, with each of the keys in turn.
func build(t *testing.T, r *rand.Rand, n int, turns ...Keys) (list []Entry, head Head) {
	t.Helper()
	for _, k := range turns {
		for range n {
			e := entry(r)
			if err := k.Seal(&head, &e); err != nil {
				t.Fatal(err)
			}
			list = append(list, e)
		}
		if err := k.SealHead(&head); err != nil {
			t.Fatal(err)
		}
	}
	return list, head
}

func verify(k Keys, list []Entry, head *Head) *Problem {
	v, problem := NewVerifier(k, head)
	for i := 0; i < len(list) && problem == nil; i++ {
		problem = v.Next(&list[i])
	}
	if problem == nil {
		problem = v.End()
	}
	return problem
}

func TestVerifier_AcceptsEveryHonestHistory(t *testing.T) {
	t.Parallel()
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 1))
		a, b := keys(t, "a"), keys(t, "b", "a")
		turns := [][]Keys{{{}}, {a}, {{}, a}, {a, b}, {{}, a, b}}[r.IntN(5)]
		list, head := build(t, r, r.IntN(20), turns...)
		k := turns[len(turns)-1]
		if head.Seq == 0 {
			continue
		}
		if problem := verify(k, list, &head); problem != nil {
			t.Fatalf("seed %d: %v", seed, problem)
		}
		// Old events may go, when an event says so.
		cut := r.IntN(len(list))
		if cut > 0 {
			head.FromSeq, head.FromHash = list[cut-1].Seq, list[cut-1].Hash
			told := Entry{Meta: fmt.Sprintf(`{"lastSeq":%d,"lastHash":%q}`, head.FromSeq, head.FromHash), Event: audit.Event{Plugin: RetentionPlugin, Name: RetentionName}}
			if err := k.Seal(&head, &told); err != nil {
				t.Fatal(err)
			}
			if err := k.SealHead(&head); err != nil {
				t.Fatal(err)
			}
			if problem := verify(k, append(list[cut:len(list):len(list)], told), &head); problem != nil {
				t.Fatalf("seed %d: after %d were removed: %v", seed, cut, problem)
			}
		}
	}
	if problem := verify(Keys{}, nil, nil); problem != nil {
		t.Errorf("an empty log: %v", problem)
	}
}

func TestVerifier_FindsEveryForgery(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	k := keys(t, "k")
	for name, tc := range map[string]struct {
		forge func(list []Entry, head *Head) []Entry
		seq   int64
		want  string
	}{
		"an event is missing":               {func(l []Entry, _ *Head) []Entry { return append(l[:4:4], l[5:]...) }, 5, "it is missing"},
		"events are missing":                {func(l []Entry, _ *Head) []Entry { return append(l[:4:4], l[7:]...) }, 5, "all up to 7"},
		"two events changed places":         {func(l []Entry, _ *Head) []Entry { l[3], l[4] = l[4], l[3]; return l }, 4, "missing"},
		"two events changed numbers":        {func(l []Entry, _ *Head) []Entry { l[3].Event, l[4].Event = l[4].Event, l[3].Event; return l }, 4, "changed"},
		"an event comes twice":              {func(l []Entry, _ *Head) []Entry { return append(l[:4:4], l[3:]...) }, 4, "twice"},
		"the last event is missing":         {func(l []Entry, _ *Head) []Entry { return l[:9] }, 10, "missing at the end"},
		"the last events are missing":       {func(l []Entry, _ *Head) []Entry { return l[:5] }, 6, "up to the end of the log, which is 10"},
		"all events are missing":            {func([]Entry, *Head) []Entry { return nil }, 1, "up to the end"},
		"the first events are missing":      {func(l []Entry, _ *Head) []Entry { return l[2:] }, 1, "all up to 2"},
		"the head was set back":             {func(l []Entry, h *Head) []Entry { h.Seq, h.Hash = 5, l[4].Hash; return l[:5] }, 0, "head of the log was changed"},
		"the head was set forth":            {func(l []Entry, h *Head) []Entry { h.Seq = 12; return l }, 0, "head of the log was changed"},
		"the head is gone":                  {func(l []Entry, h *Head) []Entry { *h = Head{Key: h.Key}; return l }, 0, "head of the log was changed"},
		"the beginning was moved":           {func(l []Entry, h *Head) []Entry { h.FromSeq, h.FromHash = 2, l[1].Hash; return l[2:] }, 0, "head of the log was changed"},
		"the head has no key":               {func(l []Entry, h *Head) []Entry { _ = Keys{}.SealHead(h); return l }, 0, "not protected by the configured key"},
		"the head has an unknown key":       {func(l []Entry, h *Head) []Entry { h.Key = "00000000"; return l }, 0, "not configured"},
		"an event was chained anew":         {func(l []Entry, _ *Head) []Entry { return rechain(l, 3, Keys{}) }, 4, "without a key"},
		"an event was chained with another": {func(l []Entry, _ *Head) []Entry { return rechain(l, 3, keys(t, "x")) }, 4, "not configured"},
		"the hash is no hash":               {func(l []Entry, _ *Head) []Entry { l[3].Hash = "zz"; return l }, 4, "changed"},
	} {
		list, head := build(t, r, 10, k)
		forged := tc.forge(list, &head)
		problem := verify(k, forged, &head)
		if problem == nil || problem.Seq != tc.seq || !strings.Contains(problem.Message, tc.want) {
			t.Errorf("%s: %v, want event %d: %s", name, problem, tc.seq, tc.want)
		}
	}
}

// rechain changes the event and chains it and all behind it anew, as somebody
// without the key would.
func rechain(list []Entry, at int, k Keys) []Entry {
	list[at].Event.Target = "user:default/innocent"
	head := Head{Seq: list[at-1].Seq, Hash: list[at-1].Hash}
	for i := at; i < len(list); i++ {
		_ = k.Seal(&head, &list[i])
	}
	return list
}

func TestVerifier_FindsEveryChangedField(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(3, 4))
	for name, change := range map[string]func(e *Entry){
		"id":         func(e *Entry) { e.Event.ID += "x" },
		"at":         func(e *Entry) { e.Event.At = e.Event.At.Add(time.Millisecond) },
		"plugin":     func(e *Entry) { e.Event.Plugin += "x" },
		"name":       func(e *Entry) { e.Event.Name += "x" },
		"severity":   func(e *Entry) { e.Event.Severity = audit.Low },
		"status":     func(e *Entry) { e.Event.Status = audit.Failed },
		"kind":       func(e *Entry) { e.Event.Actor.Kind = "service" },
		"actor":      func(e *Entry) { e.Event.Actor.Subject += "x" },
		"via":        func(e *Entry) { e.Event.Actor.Via += "x" },
		"ip":         func(e *Entry) { e.Event.Actor.IP += "x" },
		"user agent": func(e *Entry) { e.Event.Actor.UserAgent += "x" },
		"target":     func(e *Entry) { e.Event.Target += "x" },
		"reason":     func(e *Entry) { e.Event.Reason += "x" },
		"meta":       func(e *Entry) { e.Meta = strings.Replace(e.Meta, ":", ": ", 1) },
		"request":    func(e *Entry) { e.Event.Request.ID += "x" },
		"method":     func(e *Entry) { e.Event.Request.Method += "x" },
		"path":       func(e *Entry) { e.Event.Request.Path += "x" },
		"previous":   func(e *Entry) { e.Previous = genesis },
		"hash":       func(e *Entry) { e.Hash = genesis },
		"key":        func(e *Entry) { e.Key = "0011aabb" },
		"moved text": func(e *Entry) {
			e.Event.Target, e.Event.Reason = e.Event.Target+e.Event.Reason+"y", ""
		},
	} {
		list, head := build(t, r, 5, Keys{})
		change(&list[2])
		if problem := verify(Keys{}, list, &head); problem == nil || problem.Seq != 3 {
			t.Errorf("%s: %v, want event 3", name, problem)
		}
	}
}

func TestVerifier_WantsRemovalsToBeToldOf(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(5, 6))
	list, head := build(t, r, 6, Keys{})
	head.FromSeq, head.FromHash = 2, list[1].Hash
	if err := (Keys{}).SealHead(&head); err != nil {
		t.Fatal(err)
	}
	v, problem := NewVerifier(Keys{}, &head)
	for i := 2; i < len(list) && problem == nil; i++ {
		problem = v.Next(&list[i])
	}
	if problem != nil {
		t.Fatal(problem)
	}
	if problem := v.End(); problem == nil || problem.Seq != 3 {
		t.Errorf("nobody told: %v", problem)
	}
	if problem := v.End(Removal{Seq: 2, Hash: list[1].Hash}); problem != nil {
		t.Errorf("an unsealed event tells: %v", problem)
	}
}

func TestHash_CanBeComputedFromAnExportedLine(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(7, 8))
	k := keys(t, "k")
	tail := regexp.MustCompile(`,"key":"[0-9a-f]+","previous":"[0-9a-f]+","hash":"[0-9a-f]+"\}$`)
	list, _ := build(t, r, 20, k)
	for i := range list {
		line := list[i].AppendJSON(nil)
		if !json.Valid(line) {
			t.Fatalf("no JSON: %s", line)
		}
		previous, err := hex.DecodeString(list[i].Previous)
		if err != nil {
			t.Fatal(err)
		}
		mac := hmac.New(sha256.New, []byte(strings.Repeat("k", minKey)))
		_, _ = mac.Write(previous)
		_, _ = mac.Write(append(tail.ReplaceAll(bytes.Clone(line), nil), '}'))
		if got := hex.EncodeToString(mac.Sum(nil)); got != list[i].Hash {
			t.Errorf("computed %s, stored %s", got, list[i].Hash)
		}
		back, err := Decode(line)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(list[i], back); diff != "" {
			t.Errorf("decoded (-want +got)\n%s", diff)
		}
	}
}

func TestNewKeys_RefusesWhatProtectsNothing(t *testing.T) {
	t.Parallel()
	good := secret.New(strings.Repeat("x", minKey))
	for name, list := range map[string][]secret.Text{
		"a short key":                {secret.New("short")},
		"a short previous key":       {good, secret.New("short")},
		"previous keys without one":  {{}, good},
		"an empty key among earlier": {good, {}},
	} {
		if _, err := NewKeys(list[0], list[1:]...); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if k, err := NewKeys(secret.Text{}); err != nil || k.Current() != "" {
		t.Errorf("no key: %v %v", k.Current(), err)
	}
}
