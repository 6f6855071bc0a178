package index

import (
	"bytes"
	"sync"
)

// part says what a node of a projection shows.
type part uint8

const (
	partObject    part = iota // the nodes below it
	partRaw                   // bytes of the entity
	partMetadata              // the whole metadata
	partUID                   // metadata.uid
	partEtag                  // metadata.etag as the catalog computed it
	partRelations             // the relations
	partStatus                // the status
)

// node is one member of the projected entity.
type node struct {
	name       string
	part       part
	raw        []byte
	from       uint32 // of the metadata: where it starts
	kid, after int    // first node below, next node beside; 0 is none
}

// Project appends the entity reduced to the fields, which are dotted paths
// with regard to case. A member name may hold dots itself; of several ways to
// read a path the one with the shortest names first counts. Arrays come whole
// or not at all, what is missing is left out, and without any field that there
// is the result is {}.
func (s *Snapshot) Project(dst []byte, id ID, fields []string) []byte {
	e := s.ent(id)
	p := projections.Get().(*projection)
	p.s, p.e, p.top.done, p.meta.done = s, e, false, false
	p.nodes = append(p.nodes[:0], node{part: partObject})
	for _, f := range fields {
		p.add(f)
	}
	dst = p.append(dst, 0)
	p.s, p.e = nil, nil
	projections.Put(p)
	return dst
}

var projections = sync.Pool{New: func() any { return new(projection) }}

// projection is one entity that is reduced.
type projection struct {
	s     *Snapshot
	e     *entity
	nodes []node
	top   members // of the entity
	meta  members // of its metadata
}

// members are the members of an object that was read before.
type members struct {
	done bool
	list []found
}

// found is a member of an object.
type found struct {
	name, value []byte
	end         int
}

// read returns the members of the object.
func (m *members) read(raw []byte) []found {
	if !m.done {
		m.done, m.list = true, m.list[:0]
		eachMember(raw, func(name, value []byte, _, end int) bool {
			m.list = append(m.list, found{name: name, value: value, end: end})
			return true
		})
	}
	return m.list
}

// add adds one field to the nodes, if the entity has it.
func (p *projection) add(field string) {
	var names [16]string
	path := names[:0]
	at := node{part: partObject}
	for start, i := 0, 0; i <= len(field); i++ {
		if i < len(field) && field[i] != '.' {
			continue
		}
		next, ok := p.member(at, len(path), field[start:i])
		switch {
		case ok:
			at, path, start = next, append(path, field[start:i]), i+1
		case i == len(field):
			return
		}
	}
	p.nodes = place(p.nodes, path, at)
}

// place puts a found value at the path.
func place(nodes []node, path []string, leaf node) []node {
	at := 0
	for i, name := range path {
		if nodes[at].part != partObject {
			return nodes // the whole object is there already
		}
		kid, last := nodes[at].kid, 0
		for ; kid != 0 && nodes[kid].name != name; kid = nodes[kid].after {
			last = kid
		}
		if kid == 0 {
			nodes = append(nodes, node{name: name})
			kid = len(nodes) - 1
			if last == 0 {
				nodes[at].kid = kid
			} else {
				nodes[last].after = kid
			}
		}
		if at = kid; i == len(path)-1 {
			nodes[at].part, nodes[at].raw, nodes[at].from = leaf.part, leaf.raw, leaf.from
		}
	}
	return nodes
}

// member finds a member of the value at, which is depth names deep.
func (p *projection) member(at node, depth int, name string) (node, bool) {
	switch {
	case depth == 0 && name == "relations":
		return node{part: partRelations}, true
	case depth == 0 && name == "status" && len(p.s.status(p.e)) > 0:
		return node{part: partStatus}, true
	case at.part == partMetadata && name == "uid":
		return node{part: partUID}, true
	case at.part == partMetadata && name == "etag" && !p.e.ownEtag:
		return node{part: partEtag}, true
	}
	var m found
	switch {
	case depth == 0:
		m = pick(p.top.read(p.s.blob(p.e)), name)
	case at.part == partMetadata:
		m = pick(p.meta.read(at.raw), name)
	case at.part == partStatus:
		m = seek(p.s.status(p.e), name)
	case at.part == partRaw && at.raw[0] == '{':
		m = seek(at.raw, name)
	}
	switch {
	case m.value == nil:
		return node{}, false
	case depth == 0 && name == "metadata":
		return node{part: partMetadata, raw: m.value, from: uint32(m.end - len(m.value))}, true
	}
	return node{part: partRaw, raw: m.value}, true
}

// pick returns the member of the name.
func pick(list []found, name string) found {
	for _, m := range list {
		if isName(m.name, name) {
			return m
		}
	}
	return found{}
}

// seek looks the member of the name up in an object.
func seek(raw []byte, name string) (m found) {
	eachMember(raw, func(key, value []byte, _, end int) bool {
		if isName(key, name) {
			m = found{name: key, value: value, end: end}
		}
		return m.value == nil
	})
	return m
}

func isName(raw []byte, name string) bool {
	return string(raw) == name || bytes.IndexByte(raw, '\\') >= 0 && string(unescape(nil, raw)) == name
}

// append renders a node.
func (p *projection) append(dst []byte, i int) []byte {
	n, s, e := &p.nodes[i], p.s, p.e
	switch n.part {
	case partRaw:
		return append(dst, n.raw...)
	case partMetadata:
		blob := s.blob(e)
		dst = append(dst, blob[n.from:e.insert]...)
		dst = s.appendIdentity(dst, e, blob, s.appendTail(nil, e))
		return append(dst, blob[e.insert:n.from+uint32(len(n.raw))]...)
	case partUID:
		return appendString(dst, s.terms.bytes(e.uid))
	case partEtag:
		dst = append(dst, '"')
		dst = s.appendEtag(dst, e, s.appendTail(nil, e))
		return append(dst, '"')
	case partRelations:
		return s.appendRelations(dst, e)
	case partStatus:
		return append(dst, s.status(e)...)
	case partObject:
	}
	dst = append(dst, '{')
	for kid := n.kid; kid != 0; kid = p.nodes[kid].after {
		if kid != n.kid {
			dst = append(dst, ',')
		}
		dst = appendString(dst, []byte(p.nodes[kid].name))
		dst = p.append(append(dst, ':'), kid)
	}
	return append(dst, '}')
}
