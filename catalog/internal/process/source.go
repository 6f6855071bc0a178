package process

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"

	"github.com/stagedoor/stagedoor/catalog"
	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/fetch"
)

// reading is what came of reading one source.
type reading struct {
	source      source
	err         error
	unchanged   bool
	documents   []document
	problems    []error
	refreshKeys []string
	revision    string
	state       sourceState
}

// maxURLMessage is where Backstage cuts the message of a failed read.
const maxURLMessage = 5000

// readFile reads a local file, unless its size and time say that it is as it
// was.
func (p *Pipeline) readFile(s source, known sourceState) reading {
	out := reading{source: s, refreshKeys: []string{s.key()}, state: known}
	out.state.Target = s.target
	fail := func(err error) reading {
		if isGone(err) {
			out.err = notFoundError(fmt.Sprintf("file %s does not exist", s.at.Target))
		} else {
			out.err = plainError(fmt.Sprintf("file %s could not be read, %v", s.at.Target, err), err)
		}
		return out
	}
	began := p.clock()
	if known.Hash != "" && known.Modified != 0 {
		info, err := p.files.Stat(s.at.Target, s.contained)
		if err == nil && info.Size() == known.Size && info.ModTime().UnixNano() == known.Modified {
			out.unchanged = true
			return out
		}
	}
	file, err := p.files.Read(s.at.Target, s.contained)
	if err != nil {
		return fail(err)
	}
	hash := digest(file.Data)
	out.state.Size, out.state.Modified = int64(len(file.Data)), 0
	if began.Sub(file.Modified) > rest {
		out.state.Modified = file.Modified.UnixNano()
	}
	if known.Hash == hash {
		out.unchanged = true
		return out
	}
	out.state.Hash = hash
	if includes(file.Data) {
		out.state.Hash = ""
	}
	out.documents = p.parse(s.key(), s.at.Target, file.Data)
	return out
}

// readURL reads what stands behind a URL, with the ETag of the last time.
func (p *Pipeline) readURL(ctx context.Context, s source, known sourceState) reading {
	out := reading{source: s, refreshKeys: []string{s.key()}, state: known}
	out.state.Target = s.target
	files, err := p.fetch(ctx, s.at.Target, fetch.Options{ETag: known.ETag})
	if err != nil {
		if fault.Is(err, fault.NotModified) && known.ETag != "" {
			out.unchanged = true
			out.refreshKeys = append(out.refreshKeys, known.Keys...)
			return out
		}
		msg := "Unable to read url, " + err.Error()
		if len(msg) > maxURLMessage {
			msg = msg[:maxURLMessage]
		}
		if isGone(err) {
			out.err = notFoundError(msg)
		} else {
			out.err = plainError(msg, err)
		}
		return out
	}
	wild := isWild(s.at.Target)
	out.state = sourceState{Target: s.target}
	if wild {
		out.state.Keys = []string{}
	}
	sum := sha256.New()
	again := false
	for i, file := range files {
		key := s.key()
		if wild {
			key = "url:" + file.URL
			out.state.Keys = append(out.state.Keys, key)
			out.refreshKeys = append(out.refreshKeys, key)
		}
		if i == 0 {
			out.state.ETag, out.revision = file.ETag, file.Revision
		} else if out.state.ETag != file.ETag {
			out.state.ETag = ""
		}
		again = again || includes(file.Data)
		_, _ = fmt.Fprintf(sum, "%d %s %d ", i, key, len(file.Data)) // a hash takes everything
		_, _ = sum.Write(file.Data)
	}
	out.state.Hash = hex.EncodeToString(sum.Sum(nil)[:16])
	if out.state.Hash == known.Hash {
		out.unchanged = true
		return out
	}
	for _, file := range files {
		key, label := s.key(), s.at.Target
		if wild {
			key, label = "url:"+file.URL, file.URL
		}
		out.documents = append(out.documents, p.parse(key, label, file.Data)...)
	}
	if again {
		out.state.ETag, out.state.Hash = "", ""
	}
	return out
}

// isWild reports whether the URL is a pattern: its path, not its query.
func isWild(target string) bool {
	path, _, _ := bytes.Cut([]byte(target), []byte("?"))
	return bytes.ContainsRune(path, '*')
}

func (p *Pipeline) fetch(ctx context.Context, target string, opts fetch.Options) ([]fetch.File, error) {
	if p.reader == nil {
		return nil, fault.New(fault.NotImplemented, "nothing here reads URLs")
	}
	if isWild(target) {
		return p.reader.Search(ctx, target, opts) //nolint:wrapcheck // readURL words it
	}
	file, err := p.reader.Read(ctx, target, opts)
	if err != nil {
		return nil, err //nolint:wrapcheck // readURL words it
	}
	return []fetch.File{file}, nil
}

// includes reports whether a text may hold placeholders: then its entities
// depend on other files, and the text alone cannot tell whether they changed.
func includes(data []byte) bool {
	if !bytes.ContainsRune(data, '$') {
		return false
	}
	return slices.ContainsFunc(placeholderKeys, func(key string) bool { return bytes.Contains(data, []byte(key)) })
}

func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:16])
}

// collector is the emitter of a plugin that reads a location.
type collector struct {
	p         *Pipeline
	documents []document
	problems  []error
	keys      map[string]bool
}

// Entity takes an entity in.
func (c *collector) Entity(e catalog.Entity, at catalog.Location) {
	d := document{key: at.String(), entity: e.Clone()}
	if err := c.p.model.CheckShape(d.entity); err != nil {
		d.err, d.code = err, codeEnvelope
	}
	c.documents = append(c.documents, d)
}

// Relation has no meaning for a location.
func (c *collector) Relation(catalog.Relation) {}

// Problem takes an error in.
func (c *collector) Problem(err error) {
	if err != nil {
		c.problems = append(c.problems, err)
	}
}

// RefreshKey takes a refresh key in.
func (c *collector) RefreshKey(key string) {
	if c.keys == nil {
		c.keys = map[string]bool{}
	}
	c.keys[key] = true
}

func (c *collector) reading(s source) reading {
	keys := map[string]bool{}
	for _, d := range c.documents {
		keys[d.key] = true
	}
	known := slices.Sorted(maps.Keys(keys))
	if known == nil {
		known = []string{}
	}
	return reading{
		source: s, documents: c.p.settle(c.documents), problems: c.problems,
		refreshKeys: append(slices.Sorted(maps.Keys(c.keys)), s.key()),
		state:       sourceState{Target: s.target, Keys: known},
	}
}
