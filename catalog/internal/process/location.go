package process

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"sync"

	"github.com/stagedoor/stagedoor/catalog"
	"github.com/stagedoor/stagedoor/catalog/internal/model"
	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/fetch"
)

// readAhead is how many sources are read at the same time.
const readAhead = 5

// source is one thing to read: a file, a URL, or a target of a type that a
// plugin reads.
type source struct {
	at       catalog.Location
	target   string // the target of the Location as it is written
	optional bool
	// contained keeps a local file inside this folder; empty for the files
	// that the configuration names.
	contained string
	// any means that the whole chain of location readers is asked.
	any bool
}

func (s source) key() string { return s.at.String() }

// reader is the reading of one Location entity.
type reader struct {
	*run
	old     state
	sources []source
	known   map[string]bool
	fresh   map[string]sourceState
	// pending are unchanged sources that must be emitted after all once
	// something else turns out to have changed.
	pending []source
	changed bool
}

// readLocation reads the targets and hands out the children.
func (r *run) readLocation(ctx context.Context, e catalog.Entity) error {
	l := &reader{
		run: r, old: r.p.loadState(r.in.State, r.origin.String()),
		known: map[string]bool{}, fresh: map[string]sourceState{},
	}
	r.kept = map[string]bool{}
	if err := l.expand(ctx, e); err != nil {
		return err
	}
	err := r.p.readInOrder(ctx, l.sources, l.old, func(got reading) bool {
		l.take(ctx, got)
		return r.aborted == nil
	})
	if err != nil {
		r.aborted = err
	}
	if r.aborted != nil {
		return nil //nolint:nilerr // the run carries it
	}
	if !l.changed && len(r.problems) == 0 && len(r.held) == 0 && l.sameSources() {
		r.unchanged, r.state = true, r.p.saveState(l.fresh, r.origin.String())
		return nil
	}
	l.flush(ctx)
	r.state = r.p.saveState(l.fresh, r.origin.String())
	return nil
}

func (l *reader) sameSources() bool {
	if len(l.fresh) != len(l.old.Sources) {
		return false
	}
	for key := range l.fresh {
		if _, ok := l.old.Sources[key]; !ok {
			return false
		}
	}
	return true
}

// expand makes sources of the targets.
func (l *reader) expand(ctx context.Context, e catalog.Entity) error {
	kind := e.SpecString("type")
	if kind == "" {
		kind = l.at.Type
	}
	optional := e.SpecString("presence") == "optional"
	for _, target := range targetsOf(e) {
		if ctx.Err() != nil {
			return ctx.Err() //nolint:wrapcheck // the caller looks at the context
		}
		if err := l.expandTarget(kind, target, optional); err != nil {
			if l.p.strict && !isCollected(err) {
				return err
			}
			l.unreadable(source{at: catalog.Location{Type: kind, Target: target}, target: target}, err)
		}
	}
	return nil
}

// isCollected tells errors that Backstage collects from those that end the
// processing at once; in both cases the Location fails.
func isCollected(err error) bool {
	n, ok := err.(*named) //nolint:errorlint // made here
	return ok && n.name != "InputError"
}

func targetsOf(e catalog.Entity) []string {
	var out []string
	if s := e.SpecString("target"); s != "" {
		out = append(out, s)
	}
	list, _ := e.Spec()["targets"].([]any)
	for _, v := range list {
		if s, ok := v.(string); ok {
			out = append(out, s)
		}
	}
	return out
}

func (l *reader) expandTarget(kind, target string, optional bool) error {
	if kind == "file" && strings.HasSuffix(target, string(filepath.Separator)) {
		return inputError(fmt.Sprintf("LocationEntityProcessor cannot handle %s type location with target %s that ends with a path separator", l.at.Type, l.at.Target))
	}
	if kind == "file" && (l.at.Type != "file" || l.origin.Type != "file") {
		return notAllowedError(fmt.Sprintf("the file %s cannot be read for %s: only locations in local files may name local files", target, l.origin))
	}
	absolute, err := l.p.resolveTarget(l.at, kind, target)
	if err != nil {
		return plainError("Unable to read url, "+err.Error(), err)
	}
	s := source{at: catalog.Location{Type: kind, Target: absolute}, target: target, optional: optional, any: l.p.firstReader(kind) == nil}
	if kind == "file" && !s.any {
		return l.expandFiles(s)
	}
	l.add(s)
	return nil
}

// expandFiles makes one source of every file that the target names.
func (l *reader) expandFiles(s source) error {
	// What the configuration names may be a link to anywhere; what a file names
	// may not.
	fromConfig := s.key() == l.origin.String()
	files, err := l.p.files.Glob(s.at.Target, !fromConfig)
	if err != nil {
		return plainError(fmt.Sprintf("%s %s could not be read, %v", s.at.Type, s.at.Target, err), err)
	}
	if len(files) == 0 {
		l.RefreshKey(s.key())
		if s.optional {
			return nil
		}
		return notFoundError(fmt.Sprintf("%s %s does not exist", s.at.Type, s.at.Target))
	}
	if !fromConfig {
		s.contained = fetch.BaseOf(s.at.Target)
	}
	for _, file := range files {
		one := s
		one.at.Target = file
		l.add(one)
	}
	return nil
}

// add takes a source in, once.
func (l *reader) add(s source) {
	if key := s.key(); !l.known[key] {
		l.known[key] = true
		l.sources = append(l.sources, s)
	}
}

// take deals with one source that was read.
func (l *reader) take(ctx context.Context, got reading) {
	for _, key := range got.refreshKeys {
		l.RefreshKey(key)
	}
	if l.revision == "" {
		l.revision = got.revision
	}
	switch {
	case got.err != nil && got.source.optional && isGone(got.err):
		return
	case got.err != nil:
		l.unreadable(got.source, got.err)
	case got.unchanged:
		l.fresh[got.source.key()] = got.state
		if l.in.KeepUnchanged {
			for _, key := range got.state.keys(got.source.key()) {
				l.kept[key] = true
			}
		} else {
			l.pending = append(l.pending, got.source)
		}
	default:
		l.changed = true
		l.flush(ctx)
		l.emit(got)
	}
}

// flush reads again, without condition, what had not changed.
func (l *reader) flush(ctx context.Context) {
	for _, s := range l.pending {
		if l.aborted != nil {
			break
		}
		got := l.p.read(ctx, s, sourceState{})
		if got.err != nil {
			l.unreadable(s, got.err)
			continue
		}
		l.emit(got)
	}
	l.pending = nil
}

// emit hands out the documents of a source.
func (l *reader) emit(got reading) {
	clean := true
	for _, problem := range got.problems {
		l.Problem(problem)
		clean = false
	}
	for i := range got.documents {
		if l.aborted != nil {
			return
		}
		clean = l.emitDocument(&got.documents[i]) && clean
	}
	if !clean {
		got.state.ETag, got.state.Hash, got.state.Size, got.state.Modified = "", "", 0, 0
	}
	l.fresh[got.source.key()] = got.state
}

func (l *reader) emitDocument(d *document) bool {
	refusal := Refusal{LocationKey: d.key, Line: d.line, Code: d.code}
	switch {
	case d.err != nil:
		if d.code != codeDuplicate {
			l.kept[d.key] = true
		} else {
			refusal.Ref = d.entity.Ref().String()
		}
		l.problem(refusal, d.err)
		return false
	case d.dropped:
		return true
	}
	manage(d.entity, d.key, l.origin.String())
	child := catalog.Deferred{Entity: d.entity, LocationKey: d.key, Line: d.line}
	if l.p.strict {
		l.held = append(l.held, child)
		return true
	}
	if !l.p.rules.Allows(d.entity, l.origin) {
		at, err := ParseLocation(d.key)
		if err != nil {
			at = l.at
		}
		refusal.Code, refusal.Ref = codeRule, d.entity.Ref().String()
		l.problem(refusal, &placedError{err: notAllowed(d.entity, at, l.origin), place: fmt.Sprintf("%s:%d", at.Target, d.line)})
		return false
	}
	l.hand(child)
	return true
}

// unreadable notes that a source could not be read and sees to it that nothing
// is lost for that.
func (l *reader) unreadable(s source, err error) {
	l.problem(Refusal{LocationKey: s.key(), Code: codeUnreadable}, err)
	if fault.Is(err, fault.Unavailable) {
		l.passing = true
	}
	found := false
	for key, known := range l.old.Sources {
		if key != s.key() && known.Target != s.target {
			continue
		}
		// A glob whose other files are read is not concerned.
		if key != s.key() && l.known[key] {
			continue
		}
		found = true
		l.fresh[key] = sourceState{Target: known.Target, Keys: known.Keys}
		for _, child := range known.keys(key) {
			l.kept[child] = true
		}
	}
	switch {
	case found:
	case isWild(s.at.Target), s.at.Type == "file" && fetch.IsPattern(s.at.Target):
		l.keepAll = true
	default:
		l.kept[s.key()] = true
	}
}

// readInOrder reads the sources, some at the same time, and gives them to take
// one after the other in their order until take says stop. It returns after
// all its goroutines have; the error is that of the context.
func (p *Pipeline) readInOrder(ctx context.Context, sources []source, old state, take func(reading) bool) error {
	if len(sources) == 1 {
		take(p.read(ctx, sources[0], old.Sources[sources[0].key()]))
		return ctx.Err() //nolint:wrapcheck // the context's own
	}
	ctx, cancel := context.WithCancel(ctx)
	var wait sync.WaitGroup
	defer wait.Wait()
	defer cancel()
	results := make([]chan reading, len(sources))
	started := 0
	for i := range sources {
		for ; started < len(sources) && started < i+readAhead; started++ {
			s, known, result := sources[started], old.Sources[sources[started].key()], make(chan reading, 1)
			results[started] = result
			wait.Go(func() { result <- p.read(ctx, s, known) })
		}
		got := <-results[i]
		results[i] = nil
		if err := ctx.Err(); err != nil {
			return err //nolint:wrapcheck // the context's own
		}
		if !take(got) {
			return nil
		}
	}
	return nil
}

// firstReader returns the built-in step that reads the type, unless a plugin
// is asked before it or there is none.
func (p *Pipeline) firstReader(kind string) *step {
	for i := range p.steps {
		s := &p.steps[i]
		if _, ok := s.plugin.(catalog.LocationReader); ok {
			return nil
		}
		if s.plugin == nil && reads(s.name, kind) {
			return s
		}
	}
	return nil
}

func reads(name, kind string) bool {
	return (name == fileProcessor && kind == "file") || (name == urlProcessor && kind == "url")
}

// read reads one source.
func (p *Pipeline) read(ctx context.Context, s source, known sourceState) reading {
	if s.any {
		return p.readAny(ctx, s, known)
	}
	if s.at.Type == "file" {
		return p.readFile(s, known)
	}
	return p.readURL(ctx, s, known)
}

// readAny asks the location readers in their order.
func (p *Pipeline) readAny(ctx context.Context, s source, known sourceState) reading {
	for _, step := range p.steps {
		if step.plugin == nil {
			if !reads(step.name, s.at.Type) {
				continue
			}
			s.any = false
			return p.read(ctx, s, known)
		}
		plugin, ok := step.plugin.(catalog.LocationReader)
		if !ok {
			continue
		}
		collected := &collector{p: p}
		handled := false
		_, err := guarded(nil, func() (catalog.Entity, error) {
			var err error
			handled, err = plugin.ReadLocation(ctx, s.at, collected)
			return nil, err
		})
		if err != nil {
			return reading{source: s, err: model.Wrap("Processor "+step.name+" threw an error while reading "+s.key(), err)}
		}
		if handled {
			return collected.reading(s)
		}
	}
	return reading{source: s, err: fault.Newf(fault.Invalid, "No processor was able to handle reading of %s", s.key())}
}
