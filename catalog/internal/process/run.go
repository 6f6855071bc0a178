package process

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/stagedoor/stagedoor/catalog"
	"github.com/stagedoor/stagedoor/catalog/internal/model"
)

// run is the processing of one entity. It is the [catalog.Emitter] of the
// processors and belongs to one goroutine.
type run struct {
	p      *Pipeline
	in     Input
	sink   func(catalog.Deferred) error
	ref    string
	at     catalog.Location
	origin catalog.Location

	relations []catalog.Relation
	// emitted is set when a plugin emitted relations; those of the model are
	// unique by themselves.
	emitted  bool
	problems []error
	refused  []Refusal
	keys     map[string]bool
	// held are children that wait for the end of the run.
	held []catalog.Deferred

	state     []byte
	revision  string
	unchanged bool
	kept      map[string]bool
	keepAll   bool
	passing   bool // something could not be read that may be readable soon
	aborted   error
}

func (p *Pipeline) newRun(in Input, sink func(catalog.Deferred) error) (*run, error) {
	r := &run{p: p, in: in, sink: sink, ref: in.Entity.Ref().String()}
	var err error
	if r.at, err = p.locationOf(in.Entity, catalog.AnnotationManagedByLocation, in.LocationKey); err != nil {
		return nil, err
	}
	r.origin, err = p.locationOf(in.Entity, catalog.AnnotationManagedByOriginLocation, r.at.String())
	return r, err
}

// locationOf reads a managed-by annotation. An entity of a provider may come
// without; strict mode refuses that as Backstage does.
func (p *Pipeline) locationOf(e catalog.Entity, annotation, otherwise string) (catalog.Location, error) {
	ref := e.Annotation(annotation)
	if ref == "" {
		annotations := e.Metadata()["annotations"]
		_, readable := annotations.(map[string]any)
		if otherwise == "" || p.strict && (readable || annotations == nil) {
			return catalog.Location{}, plainError("Entity '"+e.Ref().String()+"' does not have the annotation "+annotation, nil)
		}
		ref = otherwise
	}
	return ParseLocation(ref)
}

// chain is the order of the steps.
func (r *run) chain(ctx context.Context, e catalog.Entity) (catalog.Entity, error) {
	e, err := r.preProcess(ctx, e)
	if err != nil {
		return nil, err
	}
	r.p.model.Prepare(e)
	if err := r.p.model.CheckEnvelope(e); err != nil {
		return nil, err //nolint:wrapcheck // the text is the wire's
	}
	if e.Ref().String() != r.ref {
		return nil, &named{name: "ConflictError", code: "conflict", msg: "Fatal: The entity kind, namespace, or name changed during processing"}
	}
	if err := r.validate(ctx, e); err != nil {
		return nil, err
	}
	// A Location is post-processed before it is read, other than in Backstage,
	// so that nothing can fail after children were handed out.
	if e, err = r.postProcess(ctx, e); err != nil {
		return nil, err
	}
	r.p.model.Finish(e)
	disarm(e)
	if r.emitted {
		r.relations = dedupe(r.relations)
	}
	if e.Kind() == "Location" {
		if err := r.readLocation(ctx, e); err != nil {
			return nil, err
		}
	}
	return e, r.release()
}

// release hands out what was held back, if there is to be anything.
func (r *run) release() error {
	if r.aborted != nil || (r.p.strict && len(r.problems) > 0) {
		return nil //nolint:nilerr // the run carries it
	}
	if r.p.strict {
		for _, d := range r.held {
			if !r.p.rules.Allows(d.Entity, r.origin) {
				at, err := ParseLocation(d.LocationKey)
				if err != nil {
					at = r.at
				}
				return notAllowed(d.Entity, at, r.origin)
			}
		}
	}
	for _, d := range r.held {
		r.hand(d)
	}
	return nil
}

// hand gives one child to the sink.
func (r *run) hand(d catalog.Deferred) {
	if r.aborted == nil && r.sink != nil {
		r.aborted = r.sink(d)
	}
}

func (r *run) preProcess(ctx context.Context, e catalog.Entity) (catalog.Entity, error) {
	for _, s := range r.p.steps {
		var err error
		switch {
		case s.name == placeholderProcessor && s.plugin == nil:
			err = r.p.include(ctx, e, r)
		case s.name == annotateProcessor && s.plugin == nil:
			r.p.annotate(e, r.at, r.origin)
		default:
			if plugin, ok := s.plugin.(catalog.PreProcessor); ok {
				e, err = guarded(e, func() (catalog.Entity, error) { return plugin.PreProcess(ctx, e, r.at, r) })
			}
		}
		if err != nil {
			return nil, model.Wrap("Processor "+s.name+" threw an error while preprocessing", err)
		}
	}
	return e, nil
}

func (r *run) validate(ctx context.Context, e catalog.Entity) error {
	found := false
	for _, s := range r.p.steps {
		if s.name == kindsProcessor && s.plugin == nil {
			claimed, err := r.p.model.CheckKind(e)
			if err != nil {
				return err //nolint:wrapcheck // the text is the wire's
			}
			found = found || claimed
			continue
		}
		plugin, ok := s.plugin.(catalog.KindValidator)
		if !ok {
			continue
		}
		claimed := false
		_, err := guarded(e, func() (catalog.Entity, error) {
			var err error
			claimed, err = plugin.ValidateKind(ctx, e)
			return e, err
		})
		if err != nil {
			return model.Wrap("Processor "+s.name+" threw an error while validating the entity "+r.ref, err)
		}
		found = found || claimed
	}
	if !found {
		return r.p.model.Unrecognized(e) //nolint:wrapcheck // the text is the wire's
	}
	return nil
}

func (r *run) postProcess(ctx context.Context, e catalog.Entity) (catalog.Entity, error) {
	for _, s := range r.p.steps {
		if s.name == kindsProcessor && s.plugin == nil {
			if err := r.p.model.CheckRelations(e); err != nil {
				return nil, err //nolint:wrapcheck // the text is the wire's
			}
			r.relations = append(r.relations, r.p.model.Relations(e)...)
			continue
		}
		if plugin, ok := s.plugin.(catalog.PostProcessor); ok {
			out, err := guarded(e, func() (catalog.Entity, error) { return plugin.PostProcess(ctx, e, r.at, r) })
			if err != nil {
				return nil, model.Wrap("Processor "+s.name+" threw an error while postprocessing", err)
			}
			e = out
		}
	}
	if e.Ref().String() != r.ref {
		return nil, &named{name: "ConflictError", code: "conflict", msg: "Fatal: The entity kind, namespace, or name changed during processing"}
	}
	return e, nil
}

// guarded calls into a plugin. A panic there is an error of that one entity; a
// processor that returns no entity left it as it is.
func guarded(e catalog.Entity, call func() (catalog.Entity, error)) (out catalog.Entity, err error) {
	defer func() {
		if v := recover(); v != nil {
			out, err = nil, plainError(fmt.Sprintf("the processor panicked: %v", v), nil)
		}
	}()
	if out, err = call(); out == nil {
		out = e
	}
	return out, err
}

// Entity takes a further entity in.
func (r *run) Entity(e catalog.Entity, at catalog.Location) {
	child := e.Clone()
	if err := r.p.model.CheckShape(child); err != nil {
		r.problem(Refusal{LocationKey: at.String(), Code: "envelope"}, err)
		return
	}
	manage(child, at.String(), r.origin.String())
	if !r.p.strict && !r.p.rules.Allows(child, r.origin) {
		r.problem(Refusal{LocationKey: at.String(), Ref: child.Ref().String(), Code: "rule"}, notAllowed(child, at, r.origin))
		return
	}
	r.held = append(r.held, catalog.Deferred{Entity: child, LocationKey: at.String()})
}

// Relation takes a relation in.
func (r *run) Relation(rel catalog.Relation) {
	rel.Source, rel.Target = strings.ToLower(rel.Source), strings.ToLower(rel.Target)
	r.relations, r.emitted = append(r.relations, rel), true
}

// Problem takes an error in.
func (r *run) Problem(err error) {
	if err != nil {
		r.problems = append(r.problems, err)
	}
}

// RefreshKey takes a refresh key in.
func (r *run) RefreshKey(key string) {
	if r.keys == nil {
		r.keys = map[string]bool{}
	}
	r.keys[key] = true
}

func (r *run) refreshKeys() []string { return sortedSet(r.keys) }

// problem notes a document that was left out.
func (r *run) problem(refusal Refusal, err error) {
	refusal.Message = err.Error()
	r.problems = append(r.problems, err)
	if len(r.refused) < maxRefused {
		r.refused = append(r.refused, refusal)
	}
}

// maxRefused is how many refusals of one entity are remembered.
const maxRefused = 1000

// placed puts the place of the entity behind the message of an error that is
// about the entity as a whole.
func (r *run) placed(err error) error {
	if r.p.strict || r.in.Line == 0 {
		return err
	}
	return &placedError{err: err, place: fmt.Sprintf("%s:%d", r.at.Target, r.in.Line)}
}

// placedError is an error with its place in a file. It keeps name and cause.
type placedError struct {
	err   error
	place string
}

func (e *placedError) Error() string { return e.err.Error() + " (" + e.place + ")" }
func (e *placedError) Unwrap() error { return e.err }

// manage sets the two annotations that are always the server's. Annotations
// that are no object stay: the entity's own processing complains about them.
func manage(e catalog.Entity, at, origin string) {
	e.SetAnnotation(catalog.AnnotationManagedByLocation, at)
	e.SetAnnotation(catalog.AnnotationManagedByOriginLocation, origin)
}

func dedupe(in []catalog.Relation) []catalog.Relation {
	if len(in) < 2 {
		return in
	}
	seen := make(map[catalog.Relation]bool, len(in))
	return slices.DeleteFunc(in, func(rel catalog.Relation) bool {
		before := seen[rel]
		seen[rel] = true
		return before
	})
}
