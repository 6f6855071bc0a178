package process

import (
	"cmp"
	"context"
	"crypto/sha1" //nolint:gosec // a name, as Backstage computes it
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/stagedoor/stagedoor/catalog"
	"github.com/stagedoor/stagedoor/catalog/internal/model"
	"github.com/stagedoor/stagedoor/internal/fetch"
)

// The names under which the built-in steps are configured and reported.
const (
	kindsProcessor       = "BuiltinKindsEntityProcessor"
	placeholderProcessor = "PlaceholderProcessor"
	fileProcessor        = "FileReaderProcessor"
	urlProcessor         = "UrlReaderProcessor"
	annotateProcessor    = "AnnotateLocationEntityProcessor"
)

// DefaultPriority is the priority of processors that name none.
const DefaultPriority = 20

// ProcessorOption is one item of catalog.processorOptions.
type ProcessorOption struct {
	Disabled bool `json:"disabled"`
	// Priority orders the processors, lower first; nil means
	// [DefaultPriority].
	Priority *float64 `json:"priority"`
}

// Deps are what a [Pipeline] needs.
type Deps struct {
	// Model knows the kinds. Required.
	Model *model.Model
	// Reader reads url locations; without it they cannot be read.
	Reader URLReader
	// Files reads file locations.
	Files fetch.Files
	// Rules say which kinds may come from where. Required, see [NewRules].
	Rules Rules
	// Processors are those of the plugins, in the order of registration.
	Processors []catalog.Processor
	// Options configure processors by name, built-in ones too.
	Options map[string]ProcessorOption
	// Strict restores Backstage's behaviour where ours is kinder.
	Strict bool
	// MergeKeys switches on << in YAML (catalog.enableYamlMerge).
	MergeKeys bool
	// Clock is the time. Required.
	Clock func() time.Time
	// Logger may be nil.
	Logger *slog.Logger
	// Registered reports whether the catalog already has the location; nil
	// means no. For [Pipeline.Analyze].
	Registered func(ctx context.Context, at catalog.Location) (bool, error)
}

// Pipeline is the chain of processing. It does not change after [New] and is
// safe for concurrent use.
type Pipeline struct {
	model       *model.Model
	reader      URLReader
	files       fetch.Files
	rules       Rules
	steps       []step
	strict      bool
	merge       bool
	clock       func() time.Time
	logger      *slog.Logger
	registered  func(ctx context.Context, at catalog.Location) (bool, error)
	fingerprint string
}

// step is one processor. A built-in one has no implementation: the pipeline
// knows what to do at its name.
type step struct {
	name     string
	priority float64
	plugin   catalog.Processor
}

// New puts the chain together.
func New(d Deps) *Pipeline {
	p := &Pipeline{
		model: d.Model, reader: d.Reader, files: d.Files, rules: d.Rules, strict: d.Strict, merge: d.MergeKeys,
		clock: d.Clock, logger: d.Logger, registered: d.Registered,
	}
	if p.logger == nil {
		p.logger = slog.New(slog.DiscardHandler)
	}
	add := func(name string, plugin catalog.Processor) {
		option := d.Options[name]
		if option.Disabled {
			return
		}
		s := step{name: name, priority: DefaultPriority, plugin: plugin}
		if option.Priority != nil {
			s.priority = *option.Priority
		}
		p.steps = append(p.steps, s)
	}
	for _, name := range []string{kindsProcessor, placeholderProcessor, fileProcessor, urlProcessor, annotateProcessor} {
		// A plugin of the same name takes the place of the built-in one.
		if !slices.ContainsFunc(d.Processors, func(o catalog.Processor) bool { return o.Name() == name }) {
			add(name, nil)
		}
	}
	for _, plugin := range d.Processors {
		add(plugin.Name(), plugin)
	}
	slices.SortStableFunc(p.steps, func(a, b step) int { return cmp.Compare(a.priority, b.priority) })
	p.fingerprint = p.computeFingerprint()
	return p
}

// generation changes when this package begins to give other results.
const generation = "1"

func (p *Pipeline) computeFingerprint() string {
	type versioned interface{ Version() string }
	h := sha256.New()
	enc := json.NewEncoder(h)
	_ = enc.Encode([]any{generation, p.model.Fingerprint(), p.strict, p.merge, p.rules.rules}) // a hash takes everything
	for _, s := range p.steps {
		version := ""
		if v, ok := s.plugin.(versioned); ok {
			version = v.Version()
		}
		_ = enc.Encode([]any{s.name, s.plugin != nil, version})
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// Fingerprint changes when processors, rules or kinds change, which is when
// everything must be processed again. A plugin's processor can take part with
// a method Version() string.
func (p *Pipeline) Fingerprint() string { return p.fingerprint }

// LocationEntity returns the Location entity that stands for a configured or
// registered location. Its name is made of the SHA-1 of type:target, as
// Backstage does, so that references survive a move. An empty presence is left
// out.
func LocationEntity(at catalog.Location, presence string) catalog.Entity {
	sum := sha1.Sum([]byte(at.String())) //nolint:gosec // a name
	spec := map[string]any{"type": at.Type, "target": at.Target}
	if presence != "" {
		spec["presence"] = presence
	}
	return catalog.Entity{
		"apiVersion": "backstage.io/v1alpha1",
		"kind":       "Location",
		"metadata": map[string]any{
			"name":      "generated-" + hex.EncodeToString(sum[:]),
			"namespace": catalog.DefaultNamespace,
			"annotations": map[string]any{
				catalog.AnnotationManagedByLocation:       at.String(),
				catalog.AnnotationManagedByOriginLocation: at.String(),
			},
		},
		"spec": spec,
	}
}

// Process takes one entity through the chain. For a Location the children are
// handed to sink in the order of the targets and documents, from this
// goroutine, while they are read; in strict mode only after everything was
// read without an error. An error of sink ends the run and is found in
// [Result.Err]. Process may run in many goroutines at once.
func (p *Pipeline) Process(ctx context.Context, in Input, sink func(catalog.Deferred) error) Result {
	r, err := p.newRun(in, sink)
	if err != nil {
		return Result{Problems: []catalog.StatusItem{status(err)}, State: in.State}
	}
	entity := in.Entity
	if !in.Owned {
		entity = entity.Clone()
	}
	entity, err = r.chain(ctx, entity)
	if r.aborted == nil && ctx.Err() != nil {
		r.aborted = ctx.Err()
	}
	if r.aborted != nil {
		return Result{Err: r.aborted, State: in.State}
	}
	if err != nil {
		r.problems = append(r.problems, r.placed(err))
	}
	out := Result{Problems: statuses(r.problems), RefreshKeys: r.refreshKeys(), Refused: r.refused, State: in.State, Passing: r.passing}
	if err != nil || (p.strict && len(r.problems) > 0) {
		return out
	}
	out.OK, out.Entity, out.Relations = true, entity, r.relations
	out.State, out.Revision, out.Unchanged = r.state, r.revision, r.unchanged
	out.KeepAll = r.keepAll
	if !r.unchanged {
		out.Kept = sortedSet(r.kept)
	}
	return out
}

func sortedSet(set map[string]bool) []string {
	if len(set) == 0 {
		return nil
	}
	out := make([]string, 0, len(set))
	for key := range set {
		out = append(out, key)
	}
	slices.SortFunc(out, strings.Compare)
	return out
}
