package service

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/stagedoor/stagedoor/catalog"
	"github.com/stagedoor/stagedoor/catalog/internal/index"
	"github.com/stagedoor/stagedoor/catalog/internal/service/layout"
	"github.com/stagedoor/stagedoor/internal/fault"
)

// Limits of graphs.
const (
	DefaultGraphNodes = 200
	MaxGraphNodes     = 500
	DefaultGraphDepth = 2
)

// GraphQuery asks for the surroundings of entities.
type GraphQuery struct {
	// Roots are refs; at least one.
	Roots []string
	// Depth is how many relations away from a root the graph goes.
	Depth int
	// Relations and Kinds restrict what is followed and shown; empty means all.
	Relations, Kinds []string
	Direction        layout.Direction
	// Separate draws an edge of its own for either direction of a relation.
	Separate bool
	// Both names the relation types of both directions on a merged edge.
	Both bool
	// Limit is the largest number of nodes.
	Limit int
}

// Graph is a picture of entities and relations.
type Graph struct {
	Direction layout.Direction `json:"direction"`
	Width     float64          `json:"width"`
	Height    float64          `json:"height"`
	Truncated bool             `json:"truncated"`
	Nodes     []GraphNode      `json:"nodes"`
	Edges     []GraphEdge      `json:"edges"`
}

// GraphNode is an entity in the picture; X and Y are its centre.
type GraphNode struct {
	Ref       string  `json:"ref"`
	Kind      string  `json:"kind"`
	Namespace string  `json:"namespace"`
	Name      string  `json:"name"`
	Title     string  `json:"title,omitempty"`
	Type      string  `json:"type,omitempty"`
	X         float64 `json:"x"`
	Y         float64 `json:"y"`
	Width     float64 `json:"width"`
	Height    float64 `json:"height"`
	Rank      int     `json:"rank"`
	Depth     int     `json:"depth"`
	Root      bool    `json:"root,omitempty"`
	Found     bool    `json:"found"`
	More      int     `json:"more,omitempty"`
}

// GraphEdge is one or both directions of a relation.
type GraphEdge struct {
	From      string         `json:"from"`
	To        string         `json:"to"`
	Relations []string       `json:"relations"`
	Label     string         `json:"label,omitempty"`
	Points    []layout.Point `json:"points"`
}

// drawnBackwards are the relations whose target is drawn before their source,
// so that owners, wholes and parents come first.
var drawnBackwards = []string{
	"ownedBy", "partOf", "memberOf", "childOf", "apiProvidedBy", "apiConsumedBy", "dependencyOf",
}

// Graph reads the relations around entities and lays them out. Entities that
// the principal in ctx may not read look like ones that do not exist. It
// returns an error with code invalid for a root that is not a reference.
func (s *Service) Graph(ctx context.Context, q GraphQuery) (Graph, error) {
	sc, err := s.reading(ctx)
	if err != nil {
		return Graph{}, err
	}
	g := &graphBuilder{
		service: s, q: q, scope: sc, snap: s.deps.Index.Snapshot(), pairs: s.relationPairs(),
		nodes: map[string]int{}, edges: map[graphEdgeKey]int{},
		out: Graph{Direction: q.Direction, Nodes: []GraphNode{}, Edges: []GraphEdge{}},
	}
	if g.out.Direction == "" {
		g.out.Direction = layout.LeftToRight
	}
	if g.q.Limit <= 0 {
		g.q.Limit = DefaultGraphNodes
	}
	g.q.Limit = min(g.q.Limit, MaxGraphNodes)
	for _, root := range q.Roots {
		ref, err := catalog.ParseRef(root, catalog.RefDefaults{})
		if err != nil {
			return Graph{}, fault.Newf(fault.Invalid, "rootRefs: %w", err)
		}
		if i, ok := g.node(ref.String(), 0); ok {
			g.out.Nodes[i].Root = true
		}
	}
	g.walk()
	g.layOut()
	return g.out, nil
}

type graphEdgeKey struct{ from, to, pair string }

type graphBuilder struct {
	service *Service
	q       GraphQuery
	scope   scope
	snap    *index.Snapshot
	pairs   map[string]relationPair
	nodes   map[string]int
	edges   map[graphEdgeKey]int
	out     Graph
}

// relationPair is what the model knows of a relation type.
type relationPair struct {
	reverse, label string
	backwards      bool
}

func (s *Service) relationPairs() map[string]relationPair {
	pairs := map[string]relationPair{}
	for _, kind := range s.parts().Model.Kinds() {
		for _, r := range kind.Relations {
			back := slices.Contains(drawnBackwards, r.Type)
			pairs[r.Type] = relationPair{r.Reverse, r.Label, back}
			if _, known := pairs[r.Reverse]; !known {
				pairs[r.Reverse] = relationPair{r.Type, r.ReverseLabel, !back}
			}
		}
	}
	return pairs
}

// node adds an entity and returns its index; ok is false when it may not be
// shown.
func (g *graphBuilder) node(ref string, depth int) (int, bool) {
	if i, ok := g.nodes[ref]; ok {
		return i, true
	}
	parsed, err := catalog.ParseRef(ref, catalog.RefDefaults{})
	if err != nil {
		return 0, false
	}
	if depth > 0 && len(g.q.Kinds) > 0 && !slices.ContainsFunc(g.q.Kinds, func(k string) bool { return strings.EqualFold(k, parsed.Kind) }) {
		return 0, false
	}
	if len(g.out.Nodes) >= g.q.Limit {
		g.out.Truncated = true
		return 0, false
	}
	n := GraphNode{Ref: ref, Kind: parsed.Kind, Namespace: parsed.Namespace, Name: parsed.Name, Depth: depth}
	if id, ok := g.snap.Lookup(ref); ok && g.scope.visible(g.snap, id) {
		n.Found = true
		g.describe(&n, id)
	}
	label := n.Title
	if label == "" {
		label = n.Name
	}
	n.Height = 44
	n.Width = float64(min(max(72+7*utf8.RuneCountInString(label), 130), 280))
	g.nodes[ref] = len(g.out.Nodes)
	g.out.Nodes = append(g.out.Nodes, n)
	return len(g.out.Nodes) - 1, true
}

func (g *graphBuilder) describe(n *GraphNode, id index.ID) {
	var e struct {
		Kind     string `json:"kind"`
		Metadata struct {
			Name      string `json:"name"`
			Namespace string `json:"namespace"`
			Title     any    `json:"title"`
		} `json:"metadata"`
		Spec struct {
			Type    any `json:"type"`
			Profile any `json:"profile"`
		} `json:"spec"`
	}
	if json.Unmarshal(g.snap.AppendJSON(nil, id), &e) != nil {
		return
	}
	n.Kind, n.Name = e.Kind, e.Metadata.Name
	n.Title, _ = e.Metadata.Title.(string)
	if profile, ok := e.Spec.Profile.(map[string]any); ok && n.Title == "" {
		n.Title, _ = profile["displayName"].(string) // people and groups are named there
	}
	n.Type, _ = e.Spec.Type.(string)
}

// walk adds neighbours breadth first, so that a limit keeps the nearest.
func (g *graphBuilder) walk() {
	for i := 0; i < len(g.out.Nodes); i++ {
		n := g.out.Nodes[i]
		if !n.Found {
			continue
		}
		id, _ := g.snap.Lookup(n.Ref)
		hidden := map[string]bool{}
		for _, r := range g.snap.Relations(id) {
			if len(g.q.Relations) > 0 && !slices.Contains(g.q.Relations, r.Type) {
				continue
			}
			if _, known := g.nodes[r.Target]; !known && n.Depth >= g.q.Depth {
				if g.wanted(r.Target) {
					hidden[r.Target] = true
				}
				continue
			}
			if _, ok := g.node(r.Target, n.Depth+1); !ok {
				if g.wanted(r.Target) {
					hidden[r.Target] = true
				}
				continue
			}
			g.edge(r)
		}
		g.out.Nodes[i].More = len(hidden)
	}
}

func (g *graphBuilder) wanted(ref string) bool {
	kind, _, _ := strings.Cut(ref, ":")
	return len(g.q.Kinds) == 0 || slices.ContainsFunc(g.q.Kinds, func(k string) bool { return strings.EqualFold(k, kind) })
}

func (g *graphBuilder) edge(r catalog.Relation) {
	pair := g.pairs[r.Type]
	from, to, name := r.Source, r.Target, r.Type
	if pair.backwards && !g.q.Separate {
		from, to, name = to, from, pair.reverse
	}
	key := graphEdgeKey{from, to, name}
	i, ok := g.edges[key]
	if !ok {
		i = len(g.out.Edges)
		g.edges[key] = i
		g.out.Edges = append(g.out.Edges, GraphEdge{From: from, To: to, Label: g.pairs[name].label})
	}
	e := &g.out.Edges[i]
	types := []string{r.Type}
	if !g.q.Separate && !g.q.Both {
		types = []string{name}
	}
	for _, t := range types {
		if !slices.Contains(e.Relations, t) {
			e.Relations = append(e.Relations, t)
		}
	}
}

// layOut computes the places. Edges are sorted first, so that the picture does
// not depend on the way they were found.
func (g *graphBuilder) layOut() {
	slices.SortFunc(g.out.Edges, func(a, b GraphEdge) int {
		return cmp.Or(cmp.Compare(g.nodes[a.From], g.nodes[b.From]), cmp.Compare(g.nodes[a.To], g.nodes[b.To]), cmp.Compare(a.Label, b.Label), slices.Compare(a.Relations, b.Relations))
	})
	lg := &layout.Graph{Direction: g.out.Direction, RankGap: 110}
	for _, n := range g.out.Nodes {
		lg.Nodes = append(lg.Nodes, layout.Node{ID: n.Ref, Width: n.Width, Height: n.Height})
	}
	for _, e := range g.out.Edges {
		lg.Edges = append(lg.Edges, layout.Edge{From: g.nodes[e.From], To: g.nodes[e.To]})
	}
	layout.Compute(lg)
	g.out.Width, g.out.Height = lg.Width, lg.Height
	for i, n := range lg.Nodes {
		g.out.Nodes[i].X, g.out.Nodes[i].Y, g.out.Nodes[i].Rank = n.X, n.Y, n.Rank
	}
	for i, e := range lg.Edges {
		slices.Sort(g.out.Edges[i].Relations)
		g.out.Edges[i].Points = e.Points
	}
}
