package layout

import (
	"math"
	"slices"
)

// place gives every vertex its place within its rank: as near to the median
// of its neighbours as the others leave room for.
func (w *work) place() {
	for _, rank := range w.ranks {
		next := 0.0
		for _, v := range rank {
			x := &w.vertices[v]
			x.along = next + x.size/2
			next += x.size + w.g.NodeGap
		}
	}
	for i := range 8 {
		for j := range w.ranks {
			r := j
			if i%2 == 1 {
				r = len(w.ranks) - 1 - j
			}
			w.align(w.ranks[r])
		}
	}
	least := math.Inf(1)
	for _, v := range w.vertices {
		least = min(least, v.along-v.size/2)
	}
	for i := range w.vertices {
		w.vertices[i].along -= least
	}
}

// align moves the vertices of a rank to where their neighbours want them. It
// solves the two one-sided problems (never left of, never right of the
// wish) and takes the middle, which keeps order and gaps.
func (w *work) align(rank []int) {
	n := len(rank)
	wish := make([]float64, n)
	for i, v := range rank {
		wish[i] = w.wish(v)
	}
	forward, backward := slices.Clone(wish), slices.Clone(wish)
	for i := 1; i < n; i++ {
		forward[i] = max(forward[i], forward[i-1]+w.distance(rank[i-1], rank[i]))
	}
	for i := n - 2; i >= 0; i-- {
		backward[i] = min(backward[i], backward[i+1]-w.distance(rank[i], rank[i+1]))
	}
	for i, v := range rank {
		w.vertices[v].along = (forward[i] + backward[i]) / 2
	}
}

func (w *work) distance(a, b int) float64 {
	return w.vertices[a].size/2 + w.g.NodeGap + w.vertices[b].size/2
}

func (w *work) wish(v int) float64 {
	x := w.vertices[v]
	places := make([]float64, 0, len(x.up)+len(x.down))
	for _, n := range x.up {
		places = append(places, w.vertices[n].along)
	}
	for _, n := range x.down {
		places = append(places, w.vertices[n].along)
	}
	if len(places) == 0 {
		return x.along
	}
	slices.Sort(places)
	m := len(places) / 2
	if len(places)%2 == 1 {
		return places[m]
	}
	return (places[m-1] + places[m]) / 2
}

// finish turns ranks and places into coordinates in the wanted direction.
func (w *work) finish() {
	across := make([]float64, len(w.ranks)) // centre of each rank
	next := 0.0
	for r, rank := range w.ranks {
		depth := 0.0
		for _, v := range rank {
			depth = max(depth, w.vertices[v].depth)
		}
		across[r] = next + depth/2
		next += depth + w.g.RankGap
	}
	length := max(next-w.g.RankGap, 0)
	width := 0.0
	for _, v := range w.vertices {
		width = max(width, v.along+v.size/2)
	}
	flip := w.g.Direction == RightToLeft || w.g.Direction == BottomToTop
	at := func(along, across float64) Point {
		if flip {
			across = length - across
		}
		if w.horizontal {
			return Point{round(across), round(along)}
		}
		return Point{round(along), round(across)}
	}
	for _, v := range w.vertices {
		if v.item >= 0 {
			p := at(v.along, across[v.rank])
			n := &w.g.Nodes[v.item]
			n.X, n.Y, n.Rank = p.X, p.Y, v.rank
		}
	}
	w.g.Width, w.g.Height = round(width), round(length)
	if w.horizontal {
		w.g.Width, w.g.Height = round(length), round(width)
	}
	for _, l := range w.links {
		w.g.Edges[l.edge].Points = w.route(l, across, at)
	}
	for i, e := range w.g.Edges {
		if e.From == e.To {
			n := w.g.Nodes[e.From]
			right, top := n.X+n.Width/2, n.Y-n.Height/2
			w.g.Edges[i].Points = []Point{{right, n.Y}, {right + 16, n.Y}, {right + 16, top - 12}, {n.X, top - 12}, {n.X, top}}
		}
	}
}

func (w *work) route(l link, across []float64, at func(along, across float64) Point) []Point {
	points := make([]Point, 0, len(l.chain))
	for i, v := range l.chain {
		x := w.vertices[v]
		depth := across[x.rank]
		switch i {
		case 0:
			depth += x.depth / 2
		case len(l.chain) - 1:
			depth -= x.depth / 2
		}
		points = append(points, at(x.along, depth))
	}
	if l.reversed {
		slices.Reverse(points)
	}
	return points
}

func round(f float64) float64 { return math.Round(f*10) / 10 }
