package ingest

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/stagedoor/stagedoor/catalog"
	"github.com/stagedoor/stagedoor/catalog/internal/store"
	"github.com/stagedoor/stagedoor/internal/fault"
)

// Version is one entry of an entity's history.
type Version struct {
	Number int64         `json:"version"`
	Op     string        `json:"op"` // create, update or delete
	At     time.Time     `json:"at"`
	UID    string        `json:"uid"`
	Cause  catalog.Cause `json:"cause"`
	// Entity is the content; nil in lists and for deletions.
	Entity json.RawMessage `json:"entity,omitempty"`
}

// History returns the versions of an entity, the newest first, without their
// content: those before a version number, or all when before is 0, at most
// limit. The history outlives the entity.
func (g *Engine) History(ctx context.Context, ref string, before int64, limit int) ([]Version, error) {
	changes, err := g.store.History(ctx, ref, before, limit)
	versions := make([]Version, len(changes))
	for i := range changes {
		versions[i] = version(&changes[i])
	}
	return versions, err
}

// Version returns one version with its content, or an error with code
// not_found.
func (g *Engine) Version(ctx context.Context, ref string, number int64) (Version, error) {
	c, err := g.store.Version(ctx, ref, number)
	if err != nil {
		return Version{}, err
	}
	v := version(&c)
	if c.Previous != "" {
		v.Entity = json.RawMessage(c.Previous)
	}
	return v, nil
}

func version(c *store.Change) Version {
	return Version{Number: c.Version, Op: string(c.Op), At: c.At, UID: c.UID, Cause: parseCause(c.Cause)}
}

// Explanation says what the catalog knows about an entity that is there, or
// why it is not.
type Explanation struct {
	// Subject is the ref or target that was asked for.
	Subject string `json:"subject"`
	// Verdict is present, invalid (never was valid), pending (not processed
	// yet), refused, conflict, location (a target that is read) or unknown.
	Verdict string `json:"verdict"`
	// Entity is the row of the ref, if there is one.
	Entity *ExplainedEntity `json:"entity,omitempty"`
	// Conflicts are claims to the ref that wait for it to become free.
	Conflicts []Conflict `json:"conflicts,omitempty"`
	// Refused are documents that were left out, of the ref or of the target.
	Refused []Refused `json:"refused,omitempty"`
	// Sources are the locations involved, nearest first, up to the root.
	Sources []ExplainedEntity `json:"sources,omitempty"`
	// Registered is the registered location of a target.
	Registered *Location `json:"registered,omitempty"`
	// Children is the number of entities that a target emits.
	Children int `json:"children,omitempty"`
}

// ExplainedEntity is what is known about one entity.
type ExplainedEntity struct {
	EntityRef   string               `json:"entityRef"`
	UID         string               `json:"uid"`
	Version     int64                `json:"version"`
	LocationKey string               `json:"locationKey"`
	Parents     []string             `json:"parents"`
	Orphan      bool                 `json:"orphan,omitempty"`
	Problems    []catalog.StatusItem `json:"problems,omitempty"`
	Since       *time.Time           `json:"since,omitempty"`
}

// Conflict is a claim that lost.
type Conflict struct {
	EntityRef   string    `json:"entityRef"`
	LocationKey string    `json:"locationKey"`
	Parent      string    `json:"parent"`
	Since       time.Time `json:"since"`
	// HeldBy is the location key that has the ref.
	HeldBy string `json:"heldBy,omitempty"`
}

// Refused is a document that did not become an entity.
type Refused struct {
	EntityRef   string    `json:"entityRef,omitempty"`
	Source      string    `json:"source"`
	LocationKey string    `json:"locationKey"`
	Line        int       `json:"line,omitempty"`
	Code        string    `json:"code"`
	Message     string    `json:"message"`
	Since       time.Time `json:"since"`
}

// Explain says why an entity is there or not. The subject is an entity ref, or
// a target with or without its type, such as a URL of a file.
func (g *Engine) Explain(ctx context.Context, subject string) (Explanation, error) {
	x := Explanation{Subject: subject, Verdict: "unknown"}
	if isTarget(subject) {
		return x, g.explainTarget(ctx, &x)
	}
	ref, err := catalog.ParseRef(subject, catalog.RefDefaults{})
	if err != nil {
		return x, fault.Wrap(fault.Invalid, err, "explain")
	}
	x.Subject = ref.String()
	row, err := g.store.Entity(ctx, x.Subject)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return x, err
	}
	if err := g.explainOthers(ctx, &x, row); err != nil {
		return x, err
	}
	switch {
	case row == nil && len(x.Refused) > 0:
		x.Verdict = "refused"
	case row == nil && len(x.Conflicts) > 0:
		x.Verdict = "conflict"
	case row == nil:
	case row.Valid():
		x.Verdict = "present"
	case row.Flags.Has(store.Failed):
		x.Verdict = "invalid"
	default:
		x.Verdict = "pending"
	}
	if row == nil {
		for _, r := range x.Refused {
			if err := g.explainSources(ctx, &x, []string{r.Source}); err != nil {
				return x, err
			}
		}
		return x, nil
	}
	entity := explained(row)
	x.Entity = &entity
	return x, g.explainSources(ctx, &x, row.Parents)
}

// isTarget reports whether the subject is a URL or a path and no ref.
func isTarget(subject string) bool {
	return strings.Contains(subject, "://") || strings.HasPrefix(subject, "file:") || strings.HasPrefix(subject, "/")
}

func (g *Engine) explainOthers(ctx context.Context, x *Explanation, row *store.Row) error {
	claims, err := g.store.ClaimsTo(ctx, x.Subject)
	if err != nil {
		return err
	}
	for _, c := range claims {
		conflict := Conflict{EntityRef: c.Ref, LocationKey: c.LocationKey, Parent: c.Parent, Since: c.Since}
		if row != nil {
			conflict.HeldBy = row.LocationKey
		}
		x.Conflicts = append(x.Conflicts, conflict)
	}
	refused, err := g.store.Refusals(ctx, x.Subject, "")
	x.Refused = append(x.Refused, refusedList(refused)...)
	return err
}

func (g *Engine) explainTarget(ctx context.Context, x *Explanation) error {
	keys := []string{x.Subject}
	if strings.HasPrefix(x.Subject, "/") {
		keys = []string{"file:" + x.Subject}
	} else if !strings.HasPrefix(x.Subject, "file:") && !strings.HasPrefix(x.Subject, "url:") {
		keys = []string{"url:" + x.Subject}
	}
	loc := parseKey(keys[0])
	if l, ok, err := g.store.LocationAt(ctx, loc.Type, loc.Target); err != nil {
		return err
	} else if ok {
		x.Registered = &l
	}
	sources, err := g.store.SourcesOfKeys(ctx, keys)
	if err != nil {
		return err
	}
	if _, err := g.store.Entity(ctx, LocationRef(loc)); err == nil {
		sources = append(sources, LocationRef(loc))
	}
	slices.Sort(sources)
	sources = slices.Compact(sources)
	for _, source := range sources {
		children, err := g.store.Children(ctx, source)
		if err != nil {
			return err
		}
		for _, c := range children {
			if c.LocationKey == keys[0] {
				x.Children++
			}
		}
		refused, err := g.store.Refusals(ctx, "", source)
		if err != nil {
			return err
		}
		x.Refused = append(x.Refused, refusedList(refused)...)
		claims, err := g.store.ClaimsBy(ctx, source)
		if err != nil {
			return err
		}
		for _, c := range claims {
			conflict := Conflict{EntityRef: c.Ref, LocationKey: c.LocationKey, Parent: c.Parent, Since: c.Since}
			if row, err := g.store.Entity(ctx, c.Ref); err == nil {
				conflict.HeldBy = row.LocationKey
			}
			x.Conflicts = append(x.Conflicts, conflict)
		}
	}
	if len(sources) > 0 || x.Registered != nil {
		x.Verdict = "location"
	}
	return g.explainSources(ctx, x, sources)
}

// explainSources adds the parents and theirs, each once.
func (g *Engine) explainSources(ctx context.Context, x *Explanation, parents []string) error {
	seen := map[string]bool{}
	for _, s := range x.Sources {
		seen[s.EntityRef] = true
	}
	for range maxAncestors {
		var refs []string
		for _, p := range parents {
			if fromLocation(p) && !seen[p] {
				seen[p] = true
				refs = append(refs, p)
			}
		}
		if len(refs) == 0 {
			return nil
		}
		rows, err := g.store.Entities(ctx, refs)
		if err != nil {
			return err
		}
		parents = nil
		for _, ref := range refs {
			if row := rows[ref]; row != nil {
				x.Sources = append(x.Sources, explained(row))
				parents = append(parents, row.Parents...)
			}
		}
	}
	return nil
}

func explained(r *store.Row) ExplainedEntity {
	e := ExplainedEntity{
		EntityRef: r.Ref, UID: r.UID, Version: r.Version, LocationKey: r.LocationKey,
		Parents: r.Parents, Orphan: r.Flags.Has(store.Orphan), Problems: problemsOf(r.Problems),
	}
	if !r.ProblemSince.IsZero() {
		e.Since = &r.ProblemSince
	}
	return e
}

func problemsOf(text string) []catalog.StatusItem {
	var items []catalog.StatusItem
	if text != "" {
		_ = json.Unmarshal([]byte(text), &items) // made by this package
	}
	return items
}

func refusedList(list []store.Refusal) []Refused {
	out := make([]Refused, len(list))
	for i, r := range list {
		out[i] = Refused{
			EntityRef: r.Ref, Source: r.Source, LocationKey: r.LocationKey, Line: r.Line,
			Code: r.Code, Message: r.Message, Since: r.Since,
		}
	}
	return out
}

// UnprocessedEntity is an entity that is not, or not fully, processed.
type UnprocessedEntity struct {
	UID         string
	EntityRef   string
	LocationKey string
	Unprocessed json.RawMessage
	Processed   json.RawMessage // nil: never valid
	Errors      []catalog.StatusItem
	Since       time.Time
}

// Unprocessed returns, in the order of refs, the entities whose last
// processing failed or that have problems, or else those that wait for their
// first processing.
func (g *Engine) Unprocessed(ctx context.Context, failed bool) ([]UnprocessedEntity, error) {
	rows, err := g.store.Problematic(ctx, failed)
	if err != nil {
		return nil, err
	}
	list := make([]UnprocessedEntity, len(rows))
	for i, r := range rows {
		list[i] = UnprocessedEntity{
			UID: r.UID, EntityRef: r.Ref, LocationKey: r.LocationKey,
			Unprocessed: json.RawMessage(r.Unprocessed()), Errors: problemsOf(r.Problems), Since: r.ProblemSince,
		}
		if r.Valid() {
			list[i].Processed = json.RawMessage(r.Body)
		}
	}
	return list, nil
}

// Refusals returns every document that was left out, of all sources.
func (g *Engine) Refusals(ctx context.Context) ([]Refused, error) {
	list, err := g.store.Refusals(ctx, "", "")
	return refusedList(list), err
}

// Stats are figures for operators.
type Stats struct {
	store.Counts
	// Units is the number of units this replica has done, Active of those it
	// does now.
	Units, Active int64
	Followed      int64
	Errors        []LoggedError
}

// Stats returns the present figures.
func (g *Engine) Stats(ctx context.Context) (Stats, error) {
	counts, err := g.store.Counts(ctx, g.deps.Clock())
	if err != nil {
		return Stats{}, err
	}
	g.mu.Lock()
	followed := g.followed
	g.mu.Unlock()
	g.state.Lock()
	defer g.state.Unlock()
	return Stats{
		Counts: counts, Units: g.state.units, Active: int64(len(g.state.running)), Followed: followed,
		Errors: append([]LoggedError(nil), g.state.errors...),
	}, nil
}
