package layout

// Direction is where edges point.
type Direction string

// The directions.
const (
	LeftToRight Direction = "LR"
	TopToBottom Direction = "TB"
	RightToLeft Direction = "RL"
	BottomToTop Direction = "BT"
)

// Node is a box to place. Width and Height are the caller's; X and Y of its
// centre are set by [Compute].
type Node struct {
	ID            string
	Width, Height float64
	X, Y          float64
	Rank          int
}

// Edge joins two nodes by their index. Points, from the border of one node to
// the border of the other, are set by [Compute].
type Edge struct {
	From, To int
	Points   []Point
}

// Point is a place in the picture.
type Point struct {
	X float64 `json:"x"`
	Y float64 `json:"y"`
}

// Graph is what is laid out. Width and Height are set by [Compute].
type Graph struct {
	Direction     Direction
	NodeGap       float64 // between nodes of a rank; 24 when zero
	RankGap       float64 // between ranks; 80 when zero
	Nodes         []Node
	Edges         []Edge
	Width, Height float64
}

// sweeps is how often the order within ranks is improved downwards and upwards.
const sweeps = 12

// Compute places the nodes and edges of g in place. Edges from a node to
// itself get a small loop. Time grows with the number of edges times ranks.
func Compute(g *Graph) {
	if g.NodeGap == 0 {
		g.NodeGap = 24
	}
	if g.RankGap == 0 {
		g.RankGap = 80
	}
	if len(g.Nodes) == 0 {
		return
	}
	w := newWork(g)
	w.breakCycles()
	w.rank()
	w.cutLongEdges()
	w.order()
	w.place()
	w.finish()
}

// vertex is a node or, where item is negative, a bend of a long edge.
type vertex struct {
	item        int
	rank, pos   int
	along, size float64 // place and extent within the rank
	depth       float64 // extent across ranks
	up, down    []int
}

// link is an edge without its direction being against the ranks.
type link struct {
	edge     int
	from, to int
	reversed bool
	chain    []int // vertices from one end to the other
}

type work struct {
	g          *Graph
	horizontal bool // ranks follow the x axis
	vertices   []vertex
	links      []link
	ranks      [][]int
}

func newWork(g *Graph) *work {
	w := &work{g: g, horizontal: g.Direction == LeftToRight || g.Direction == RightToLeft}
	w.vertices = make([]vertex, len(g.Nodes))
	for i, n := range g.Nodes {
		v := vertex{item: i, size: n.Width, depth: n.Height}
		if w.horizontal {
			v.size, v.depth = n.Height, n.Width
		}
		w.vertices[i] = v
	}
	for i, e := range g.Edges {
		if e.From != e.To {
			w.links = append(w.links, link{edge: i, from: e.From, to: e.To})
		}
	}
	return w
}

// breakCycles turns every link that closes a cycle around.
func (w *work) breakCycles() {
	out := make([][]int, len(w.vertices))
	in := make([]int, len(w.vertices))
	for i, l := range w.links {
		out[l.from] = append(out[l.from], i)
		in[l.to]++
	}
	const (
		unseen = iota
		open
		done
	)
	state := make([]int, len(w.vertices))
	type frame struct{ v, next int }
	visit := func(root int) {
		stack := []frame{{root, 0}}
		state[root] = open
		for len(stack) > 0 {
			top := &stack[len(stack)-1]
			if top.next == len(out[top.v]) {
				state[top.v] = done
				stack = stack[:len(stack)-1]
				continue
			}
			l := &w.links[out[top.v][top.next]]
			top.next++
			switch target := l.to; state[target] {
			case open:
				l.reversed = true
			case unseen:
				state[target] = open
				stack = append(stack, frame{target, 0})
			}
		}
	}
	for v := range w.vertices {
		if in[v] == 0 {
			visit(v)
		}
	}
	for v := range w.vertices {
		if state[v] == unseen {
			visit(v)
		}
	}
	for i := range w.links {
		if l := &w.links[i]; l.reversed {
			l.from, l.to = l.to, l.from
		}
	}
}

// rank gives every vertex the length of the longest path that leads to it and
// then moves vertices without predecessors next to their successors.
func (w *work) rank() {
	out := make([][]int, len(w.vertices))
	in := make([]int, len(w.vertices))
	for _, l := range w.links {
		out[l.from] = append(out[l.from], l.to)
		in[l.to]++
	}
	left := append([]int(nil), in...)
	var queue []int
	for v := range w.vertices {
		if left[v] == 0 {
			queue = append(queue, v)
		}
	}
	for i := 0; i < len(queue); i++ {
		v := queue[i]
		for _, t := range out[v] {
			w.vertices[t].rank = max(w.vertices[t].rank, w.vertices[v].rank+1)
			if left[t]--; left[t] == 0 {
				queue = append(queue, t)
			}
		}
	}
	for _, v := range queue {
		if in[v] > 0 || len(out[v]) == 0 {
			continue
		}
		nearest := w.vertices[out[v][0]].rank
		for _, t := range out[v] {
			nearest = min(nearest, w.vertices[t].rank)
		}
		w.vertices[v].rank = nearest - 1
	}
}

// cutLongEdges puts a bend into every rank that a link crosses.
func (w *work) cutLongEdges() {
	for i := range w.links {
		l := &w.links[i]
		l.chain = append(l.chain, l.from)
		for r := w.vertices[l.from].rank + 1; r < w.vertices[l.to].rank; r++ {
			w.vertices = append(w.vertices, vertex{item: -1, rank: r, size: 8})
			l.chain = append(l.chain, len(w.vertices)-1)
		}
		l.chain = append(l.chain, l.to)
		for j := 1; j < len(l.chain); j++ {
			a, b := l.chain[j-1], l.chain[j]
			w.vertices[a].down = append(w.vertices[a].down, b)
			w.vertices[b].up = append(w.vertices[b].up, a)
		}
	}
	height := 0
	for _, v := range w.vertices {
		height = max(height, v.rank+1)
	}
	w.ranks = make([][]int, height)
}
