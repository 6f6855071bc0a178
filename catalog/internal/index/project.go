package index

import "bytes"

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
	var space [24]node
	nodes := append(space[:0], node{part: partObject})
	for _, f := range fields {
		nodes = s.projectField(nodes, e, f)
	}
	return s.appendNode(dst, e, nodes, 0)
}

// projectField adds one field to the nodes, if the entity has it.
func (s *Snapshot) projectField(nodes []node, e *entity, field string) []node {
	var names [16]string
	path := names[:0]
	at := node{part: partObject}
	for start, i := 0, 0; i <= len(field); i++ {
		if i < len(field) && field[i] != '.' {
			continue
		}
		next, ok := s.member(e, at, len(path), field[start:i])
		switch {
		case ok:
			at, path, start = next, append(path, field[start:i]), i+1
		case i == len(field):
			return nodes
		}
	}
	if len(path) == 0 {
		return nodes
	}
	return place(nodes, path, at)
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
func (s *Snapshot) member(e *entity, at node, depth int, name string) (node, bool) {
	raw := at.raw
	switch {
	case depth == 0:
		raw = s.blob(e)
		switch {
		case name == "relations":
			return node{part: partRelations}, true
		case name == "status" && len(s.status(e)) > 0:
			return node{part: partStatus}, true
		}
	case at.part == partMetadata:
		switch {
		case name == "uid":
			return node{part: partUID}, true
		case name == "etag" && !e.ownEtag:
			return node{part: partEtag}, true
		}
	case at.part == partRelations:
		return node{}, false
	case at.part == partStatus:
		raw = s.status(e)
	}
	if len(raw) == 0 || raw[0] != '{' {
		return node{}, false
	}
	var found []byte
	from := 0
	eachMember(raw, func(key, value []byte, _, end int) bool {
		if string(key) == name || bytes.IndexByte(key, '\\') >= 0 && string(unescape(nil, key)) == name {
			found, from = value, end-len(value)
		}
		return found == nil
	})
	if found == nil {
		return node{}, false
	}
	if depth == 0 && name == "metadata" {
		return node{part: partMetadata, raw: found, from: uint32(from)}, true
	}
	return node{part: partRaw, raw: found}, true
}

// appendNode renders a node.
func (s *Snapshot) appendNode(dst []byte, e *entity, nodes []node, i int) []byte {
	n := &nodes[i]
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
	}
	dst = append(dst, '{')
	for kid := n.kid; kid != 0; kid = nodes[kid].after {
		if kid != n.kid {
			dst = append(dst, ',')
		}
		dst = appendString(dst, []byte(nodes[kid].name))
		dst = s.appendNode(append(dst, ':'), e, nodes, kid)
	}
	return append(dst, '}')
}
