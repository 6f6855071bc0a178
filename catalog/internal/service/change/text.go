package change

import (
	"fmt"
	"strings"
)

// contextLines is how many unchanged lines surround a change.
const contextLines = 3

// maxEdits bounds the search for the shortest edit script. Beyond it the rest
// of the texts is shown as replaced, which is right, only longer.
const maxEdits = 1000

// Unified returns a unified diff of two texts with the names in its header,
// or an empty string when they are equal.
func Unified(fromName, toName, from, to string) string {
	if from == to {
		return ""
	}
	a, b := lines(from), lines(to)
	script := edits(len(a), len(b), func(i, j int) bool { return a[i] == b[j] })
	var out strings.Builder
	fmt.Fprintf(&out, "--- %s\n+++ %s\n", fromName, toName)
	for _, h := range hunks(script) {
		writeHunk(&out, script[h.from:h.to], a, b)
	}
	return out.String()
}

func lines(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(strings.TrimSuffix(s, "\n"), "\n")
}

type span struct{ from, to int }

func hunks(script []edit) []span {
	var out []span
	for i, e := range script {
		if e.op == ' ' {
			continue
		}
		from, to := max(i-contextLines, 0), min(i+contextLines+1, len(script))
		if n := len(out); n > 0 && from <= out[n-1].to {
			out[n-1].to = to
		} else {
			out = append(out, span{from, to})
		}
	}
	return out
}

func writeHunk(out *strings.Builder, script []edit, a, b []string) {
	countA, countB := 0, 0
	for _, e := range script {
		if e.op != '+' {
			countA++
		}
		if e.op != '-' {
			countB++
		}
	}
	fmt.Fprintf(out, "@@ -%s +%s @@\n", hunkRange(script[0].a, countA), hunkRange(script[0].b, countB))
	for _, e := range script {
		out.WriteByte(e.op)
		if e.op == '+' {
			out.WriteString(b[e.b])
		} else {
			out.WriteString(a[e.a])
		}
		out.WriteByte('\n')
	}
}

func hunkRange(start, count int) string {
	switch count {
	case 0:
		return fmt.Sprintf("%d,0", start)
	case 1:
		return fmt.Sprint(start + 1)
	}
	return fmt.Sprintf("%d,%d", start+1, count)
}

// edit is one step from a list of n items to one of m: ' ' keeps a[a], '-'
// removes it, '+' inserts b[b].
type edit struct {
	op   byte
	a, b int
}

// edits finds the shortest edit script greedily by growing diagonals.
func edits(n, m int, equal func(i, j int) bool) []edit {
	offset := n + m + 1
	best := make([]int, 2*offset+1)
	var trace [][]int
	found := false
	d := 0
	for ; d <= n+m && d <= maxEdits && !found; d++ {
		// Only the diagonals -d…d can have moved: keep just those.
		trace = append(trace, append([]int(nil), best[offset-d:offset+d+1]...))
		for k := -d; k <= d; k += 2 {
			var x int
			if k == -d || (k != d && best[offset+k-1] < best[offset+k+1]) {
				x = best[offset+k+1]
			} else {
				x = best[offset+k-1] + 1
			}
			y := x - k
			for x < n && y < m && x >= 0 && y >= 0 && equal(x, y) {
				x, y = x+1, y+1
			}
			best[offset+k] = x
			if x >= n && y >= m {
				found = true
				break
			}
		}
	}
	if !found {
		return replaceAll(n, m)
	}
	return backtrack(n, m, trace)
}

func replaceAll(n, m int) []edit {
	out := make([]edit, 0, n+m)
	for i := range n {
		out = append(out, edit{'-', i, 0})
	}
	for j := range m {
		out = append(out, edit{'+', n, j})
	}
	return out
}

func backtrack(n, m int, trace [][]int) []edit {
	var out []edit
	x, y := n, m
	for d := len(trace) - 1; d >= 0; d-- {
		// trace[d] holds diagonals -d…d as they were before step d.
		at := func(k int) int { return trace[d][k+d] }
		k := x - y
		previous := k - 1
		if k == -d || (k != d && at(k-1) < at(k+1)) {
			previous = k + 1
		}
		px := 0
		if d > 0 {
			px = at(previous)
		}
		py := px - previous
		for x > px && y > py && x > 0 && y > 0 {
			x, y = x-1, y-1
			out = append(out, edit{' ', x, y})
		}
		if d == 0 {
			break
		}
		if x == px {
			y--
			out = append(out, edit{'+', x, y})
		} else {
			x--
			out = append(out, edit{'-', x, y})
		}
	}
	for i, j := 0, len(out)-1; i < j; i, j = i+1, j-1 {
		out[i], out[j] = out[j], out[i]
	}
	return out
}
