package layout_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stagedoor/stagedoor/catalog/internal/service/layout"
)

func graph(nodes int, edges ...[2]int) *layout.Graph {
	g := &layout.Graph{Direction: layout.LeftToRight}
	for i := range nodes {
		g.Nodes = append(g.Nodes, layout.Node{ID: fmt.Sprint(i), Width: 120, Height: 40})
	}
	for _, e := range edges {
		g.Edges = append(g.Edges, layout.Edge{From: e[0], To: e[1]})
	}
	return g
}

func TestCompute_PutsTargetsInLaterRanks(t *testing.T) {
	t.Parallel()
	g := graph(4, [2]int{0, 1}, [2]int{1, 2}, [2]int{0, 2}, [2]int{3, 2})
	layout.Compute(g)
	for i, want := range []int{0, 1, 2, 1} {
		if g.Nodes[i].Rank != want {
			t.Errorf("node %d is in rank %d, want %d", i, g.Nodes[i].Rank, want)
		}
	}
	if long := g.Edges[2].Points; len(long) != 3 {
		t.Errorf("the edge over two ranks has %d points, want a bend between its ends", len(long))
	}
}

func TestCompute_NeverOverlapsNodes(t *testing.T) {
	t.Parallel()
	var edges [][2]int
	for i := range 60 {
		edges = append(edges, [2]int{i, (i*7 + 3) % 60}, [2]int{i, (i*13 + 5) % 60})
	}
	for _, direction := range []layout.Direction{layout.LeftToRight, layout.TopToBottom, layout.RightToLeft, layout.BottomToTop} {
		g := graph(60, edges...)
		g.Direction = direction
		layout.Compute(g)
		for i, a := range g.Nodes {
			for _, b := range g.Nodes[i+1:] {
				if abs(a.X-b.X) < 120 && abs(a.Y-b.Y) < 40 {
					t.Fatalf("%s: nodes %s and %s overlap at %v,%v and %v,%v", direction, a.ID, b.ID, a.X, a.Y, b.X, b.Y)
				}
			}
			if a.X < 0 || a.Y < 0 || a.X > g.Width || a.Y > g.Height {
				t.Fatalf("%s: node %s lies outside of the picture", direction, a.ID)
			}
		}
	}
}

func TestCompute_GivesTheSamePictureTwice(t *testing.T) {
	t.Parallel()
	edges := [][2]int{{0, 1}, {1, 2}, {2, 0}, {3, 1}, {4, 4}, {2, 5}, {5, 3}}
	a, b := graph(6, edges...), graph(6, edges...)
	layout.Compute(a)
	layout.Compute(b)
	if diff := cmp.Diff(a, b); diff != "" {
		t.Error(diff)
	}
	for i, e := range a.Edges {
		if len(e.Points) < 2 {
			t.Errorf("edge %d has no line", i)
		}
	}
}

func TestCompute_UntanglesWhatCanBeUntangled(t *testing.T) {
	t.Parallel()
	g := graph(6, [2]int{0, 5}, [2]int{1, 4}, [2]int{2, 3})
	layout.Compute(g)
	for i := range 3 {
		if a, b := g.Nodes[i], g.Nodes[5-i]; a.Y != b.Y {
			t.Errorf("nodes %d and %d are joined but stand at %v and %v", i, 5-i, a.Y, b.Y)
		}
	}
}

func TestCompute_TakesAnEmptyGraph(t *testing.T) {
	t.Parallel()
	layout.Compute(&layout.Graph{})
}

func BenchmarkCompute500Nodes(b *testing.B) {
	for b.Loop() {
		var edges [][2]int
		for i := range 500 {
			edges = append(edges, [2]int{i, (i*7 + 3) % 500}, [2]int{i, (i*13 + 5) % 500})
		}
		layout.Compute(graph(500, edges...))
	}
}

func abs(f float64) float64 { return max(f, -f) }
