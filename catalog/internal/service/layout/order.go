package layout

import (
	"cmp"
	"slices"
)

// order finds an order within the ranks in which few links cross: start from
// a depth-first walk, then sort rank after rank by the mean place of the
// neighbours, and keep the best of what was seen.
func (w *work) order() {
	seen := make([]bool, len(w.vertices))
	var walk func(v int)
	walk = func(v int) {
		if seen[v] {
			return
		}
		seen[v] = true
		r := w.vertices[v].rank
		w.ranks[r] = append(w.ranks[r], v)
		for _, t := range w.vertices[v].down {
			walk(t)
		}
	}
	for v := range w.vertices {
		if len(w.vertices[v].up) == 0 {
			walk(v)
		}
	}
	w.number()
	best, bestCrossings := w.snapshot(), w.crossings()
	for i := 0; i < sweeps && bestCrossings > 0; i++ {
		w.sweep(i%2 == 0)
		if c := w.crossings(); c < bestCrossings {
			best, bestCrossings = w.snapshot(), c
		}
	}
	w.ranks = best
	w.number()
}

func (w *work) number() {
	for _, rank := range w.ranks {
		for pos, v := range rank {
			w.vertices[v].pos = pos
		}
	}
}

func (w *work) snapshot() [][]int {
	out := make([][]int, len(w.ranks))
	for i, rank := range w.ranks {
		out[i] = slices.Clone(rank)
	}
	return out
}

func (w *work) sweep(down bool) {
	for i := range w.ranks {
		r := i
		if !down {
			r = len(w.ranks) - 1 - i
		}
		rank := w.ranks[r]
		centre := make(map[int]float64, len(rank))
		for _, v := range rank {
			neighbours := w.vertices[v].up
			if !down {
				neighbours = w.vertices[v].down
			}
			if len(neighbours) == 0 {
				centre[v] = float64(w.vertices[v].pos)
				continue
			}
			sum := 0
			for _, n := range neighbours {
				sum += w.vertices[n].pos
			}
			centre[v] = float64(sum) / float64(len(neighbours))
		}
		slices.SortStableFunc(rank, func(a, b int) int { return cmp.Compare(centre[a], centre[b]) })
		for pos, v := range rank {
			w.vertices[v].pos = pos
		}
	}
}

// crossings counts pairs of crossing links between neighbouring ranks with a
// binary indexed tree.
func (w *work) crossings() int {
	total := 0
	for r := 0; r+1 < len(w.ranks); r++ {
		var ends []int
		for _, v := range w.ranks[r] {
			targets := make([]int, 0, len(w.vertices[v].down))
			for _, t := range w.vertices[v].down {
				targets = append(targets, w.vertices[t].pos)
			}
			slices.Sort(targets)
			ends = append(ends, targets...)
		}
		n := len(w.ranks[r+1])
		tree := make([]int, n+1)
		for i, end := range ends {
			notAfter := 0
			for j := end + 1; j > 0; j -= j & -j {
				notAfter += tree[j]
			}
			total += i - notAfter
			for j := end + 1; j <= n; j += j & -j {
				tree[j]++
			}
		}
	}
	return total
}
