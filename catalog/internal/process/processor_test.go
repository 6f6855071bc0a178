package process_test

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stagedoor/stagedoor/catalog"
	"github.com/stagedoor/stagedoor/catalog/internal/process"
)

// tool is a processor whose parts a test fills in.
type tool struct {
	name string
	pre  func(e catalog.Entity, emit catalog.Emitter) (catalog.Entity, error)
	post func(e catalog.Entity, emit catalog.Emitter) (catalog.Entity, error)
	kind func(e catalog.Entity) (bool, error)
	read func(at catalog.Location, emit catalog.Emitter) (bool, error)
}

func (t *tool) Name() string { return t.name }

func (t *tool) PreProcess(_ context.Context, e catalog.Entity, _ catalog.Location, emit catalog.Emitter) (catalog.Entity, error) {
	if t.pre == nil {
		return e, nil
	}
	return t.pre(e, emit)
}

func (t *tool) PostProcess(_ context.Context, e catalog.Entity, _ catalog.Location, emit catalog.Emitter) (catalog.Entity, error) {
	if t.post == nil {
		return e, nil
	}
	return t.post(e, emit)
}

func (t *tool) ValidateKind(_ context.Context, e catalog.Entity) (bool, error) {
	if t.kind == nil {
		return false, nil
	}
	return t.kind(e)
}

func (t *tool) ReadLocation(_ context.Context, at catalog.Location, emit catalog.Emitter) (bool, error) {
	if t.read == nil {
		return false, nil
	}
	return t.read(at, emit)
}

func entity(kind, name string) catalog.Entity {
	return catalog.Entity{
		"apiVersion": "backstage.io/v1alpha1", "kind": kind, "metadata": map[string]any{"name": name},
		"spec": map[string]any{"type": "service", "lifecycle": "production", "owner": "team-a"},
	}
}

func processOne(t *testing.T, p *process.Pipeline, e catalog.Entity) (process.Result, []catalog.Deferred) {
	t.Helper()
	var children []catalog.Deferred
	got := p.Process(t.Context(), process.Input{Entity: e, LocationKey: "test:x"}, func(d catalog.Deferred) error {
		children = append(children, d)
		return nil
	})
	return got, children
}

func TestProcessors_RunByPriorityAndMayBeSwitchedOff(t *testing.T) {
	t.Parallel()
	var order []string
	noting := func(name string) *tool {
		return &tool{name: name, pre: func(e catalog.Entity, _ catalog.Emitter) (catalog.Entity, error) {
			order = append(order, name)
			return e, nil
		}}
	}
	early, off := 5.0, true
	p := newPipeline(t, process.Deps{
		Rules: allowAll(t), Processors: []catalog.Processor{noting("first"), noting("second"), noting("early"), noting("off")},
		Options: map[string]process.ProcessorOption{"early": {Priority: &early}, "off": {Disabled: off}, "AnnotateLocationEntityProcessor": {Disabled: true}},
	})
	got, _ := processOne(t, p, entity("Component", "c"))
	if !got.OK {
		t.Fatal(got.Problems)
	}
	equal(t, order, "early", "first", "second")
	if a := got.Entity.Metadata()["annotations"]; a != nil {
		t.Errorf("the annotating processor was switched off, but gave %v", a)
	}
}

func TestProcessors_ErrorsNameTheProcessorAndTheStep(t *testing.T) {
	t.Parallel()
	broken := errors.New("no luck")
	fail := func(catalog.Entity, catalog.Emitter) (catalog.Entity, error) { return nil, broken }
	for want, tl := range map[string]*tool{
		"InputError: Processor T threw an error while preprocessing; caused by Error: no luck":                                     {pre: fail},
		"InputError: Processor T threw an error while postprocessing; caused by Error: no luck":                                    {post: fail},
		"InputError: Processor T threw an error while validating the entity component:default/c; caused by Error: no luck":         {kind: func(catalog.Entity) (bool, error) { return true, broken }},
		"InputError: Processor T threw an error while preprocessing; caused by Error: the processor panicked: assignment to a nil": {pre: func(catalog.Entity, catalog.Emitter) (catalog.Entity, error) { panic("assignment to a nil") }},
		"ConflictError: Fatal: The entity kind, namespace, or name changed during processing": {pre: func(e catalog.Entity, _ catalog.Emitter) (catalog.Entity, error) {
			e.Metadata()["name"] = "d"
			return e, nil
		}},
	} {
		tl.name = "T"
		got, children := processOne(t, newPipeline(t, process.Deps{Rules: allowAll(t), Processors: []catalog.Processor{tl}}), entity("Component", "c"))
		if got.OK || len(children) > 0 || len(got.Problems) != 1 {
			t.Errorf("got %+v", got)
			continue
		}
		if diff := cmp.Diff(want, got.Problems[0].Message); diff != "" {
			t.Errorf("message (-want +got):\n%s", diff)
		}
	}
}

func TestProcessors_MayEmitAllSorts(t *testing.T) {
	t.Parallel()
	at := catalog.Location{Type: "test", Target: "y"}
	emitting := &tool{name: "T", post: func(e catalog.Entity, emit catalog.Emitter) (catalog.Entity, error) {
		emit.Entity(entity("Component", "child"), at)
		emit.Entity(catalog.Entity{"kind": "Component"}, at)
		emit.Entity(entity("Gadget", "forbidden"), at)
		emit.Relation(catalog.Relation{Source: "component:default/c", Type: "likes", Target: "API:Default/X"})
		emit.Relation(catalog.Relation{Source: "component:default/c", Type: "likes", Target: "api:default/x"})
		emit.RefreshKey("b")
		emit.RefreshKey("a")
		emit.Problem(errors.New("not so good"))
		return nil, nil
	}}
	e := entity("Component", "c")
	e.SetAnnotation(catalog.AnnotationManagedByLocation, "url:https://x.example/a")
	e.SetAnnotation(catalog.AnnotationManagedByOriginLocation, "url:https://x.example/o")
	got, children := processOne(t, newPipeline(t, process.Deps{Rules: allowAll(t), Processors: []catalog.Processor{emitting}}), e)
	if !got.OK || len(children) != 1 || len(got.Problems) != 3 || len(got.Refused) != 2 {
		t.Fatalf("got %+v, children %v", got, children)
	}
	if children[0].LocationKey != "test:y" || children[0].Entity.Annotation(catalog.AnnotationManagedByOriginLocation) != "url:https://x.example/o" {
		t.Errorf("child %+v", children[0])
	}
	equal(t, got.RefreshKeys, "a", "b")
	likes := 0
	for _, rel := range got.Relations {
		if rel.Type == "likes" {
			likes++
			if rel.Target != "api:default/x" {
				t.Errorf("relation %+v", rel)
			}
		}
	}
	if likes != 1 {
		t.Errorf("%d relations", likes)
	}
	strict, children := processOne(t, newPipeline(t, process.Deps{Rules: allowAll(t), Processors: []catalog.Processor{emitting}, Strict: true}), e)
	if strict.OK || len(children) > 0 {
		t.Errorf("strict mode took it: %+v", strict)
	}
}

func TestProcessors_MayClaimKindsAndReadLocations(t *testing.T) {
	t.Parallel()
	custom := &tool{
		name: "T",
		kind: func(e catalog.Entity) (bool, error) { return e.Kind() == "Spaceship", nil },
		read: func(at catalog.Location, emit catalog.Emitter) (bool, error) {
			if at.Type != "space" {
				return false, nil
			}
			emit.Entity(entity("Spaceship", at.Target), at)
			emit.Entity(catalog.Entity{}, at)
			emit.RefreshKey("space:" + at.Target)
			return true, nil
		},
	}
	p := newPipeline(t, process.Deps{Rules: allowAll(t), Processors: []catalog.Processor{custom}})
	got := ingest(t, p, catalog.Location{Type: "space", Target: "enterprise"}, catalog.Location{Type: "sea", Target: "titanic"})
	if _, ok := got.entities["spaceship:default/enterprise"]; !ok {
		t.Errorf("entities %v, problems %v", got.order, got.problems)
	}
	wantProblem(t, got, "TypeError: ")
	wantProblem(t, got, "InputError: No processor was able to handle reading of sea:titanic")
}

func TestDryRun_ShowsGoodAndBad(t *testing.T) {
	t.Parallel()
	w := &world{files: map[string]string{
		"https://x.example/a.yaml":   component("a", "---\n") + "kind: Component\n",
		"https://x.example/bad.yaml": "kind: Component\n",
	}}
	p := newPipeline(t, process.Deps{Rules: allowAll(t), Reader: w})
	entities, problems, err := p.DryRun(t.Context(), urlAt("https://x.example/a.yaml"))
	if err != nil || len(entities) != 2 || len(problems) != 1 {
		t.Errorf("got %v, %v, %v", entities, problems, err)
	}
	if _, _, err := p.DryRun(t.Context(), urlAt("https://x.example/bad.yaml")); err == nil {
		t.Error("nothing usable, but no error")
	}
	if _, _, err := p.DryRun(t.Context(), urlAt("https://x.example/none.yaml")); err == nil {
		t.Error("nothing there, but no error")
	}
}

func TestAnalyze_ShowsTheFilesOfARepository(t *testing.T) {
	t.Parallel()
	w := &world{files: map[string]string{"https://forge.example/o/r/blob/HEAD/deep/catalog-info.yaml": component("found", "")}}
	p := newPipeline(t, process.Deps{Rules: allowAll(t), Reader: w, Registered: func(_ context.Context, at catalog.Location) (bool, error) {
		return at.Target == "https://forge.example/o/r/blob/HEAD/deep/catalog-info.yaml", nil
	}})
	got, err := p.Analyze(t.Context(), "https://forge.example/o/r", "")
	if err != nil {
		t.Fatal(err)
	}
	if len(got.ExistingEntityFiles) != 2 || len(got.GenerateEntities) != 0 || !got.ExistingEntityFiles[1].IsRegistered || got.ExistingEntityFiles[1].Entity.Name() != "found" {
		t.Errorf("got %+v", got)
	}
	got, err = p.Analyze(t.Context(), "https://forge.example/o/empty", "")
	if err != nil || len(got.GenerateEntities) != 1 {
		t.Fatalf("got %+v, %v", got, err)
	}
	meta := got.GenerateEntities[0].Entity.Metadata()
	if diff := cmp.Diff(map[string]any{"name": "empty", "annotations": map[string]any{"github.com/project-slug": "o/empty"}}, meta); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	w.fail = map[string]error{"https://forge.example/o/down/blob/HEAD/**/catalog-info.yaml": errors.New("no network")}
	if _, err := p.Analyze(t.Context(), "https://forge.example/o/down", ""); err == nil {
		t.Error("the forge cannot be asked, but no error")
	}
}

func TestValidateEntity_DoesNotReadWhatTheCallerPretends(t *testing.T) {
	t.Parallel()
	w := &world{files: map[string]string{"https://forge.example/o/r/blob/main/secret.txt": "secret"}}
	p := newPipeline(t, process.Deps{Rules: allowAll(t), Reader: w})
	e := entity("Component", "c")
	e.SetAnnotation(catalog.AnnotationManagedByLocation, "file:/etc/x.yaml")
	e.Spec()["x"] = map[string]any{"$text": "./passwd"}
	got := p.ValidateEntity(t.Context(), e, urlAt("https://forge.example/o/other/blob/main/x.yaml"))
	if len(got) != 1 || len(w.reads) != 1 || w.reads[0] != "https://forge.example/o/other/blob/main/passwd" {
		t.Errorf("errors %+v, reads %v", got, w.reads)
	}
}
