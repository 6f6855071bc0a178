package condition

import "strings"

// Nearest returns the candidate that a mistyped word most likely meant, or the
// empty string when none is near.
func Nearest(word string, candidates []string) string {
	best, distance := "", min(len(word)/3+1, 3)
	for _, c := range candidates {
		if len(word) >= 4 && strings.HasPrefix(strings.ToLower(c), strings.ToLower(word)) {
			return c
		}
		if d := edits(strings.ToLower(word), strings.ToLower(c), distance); d <= distance && (best == "" || d < distance) {
			best, distance = c, d
		}
	}
	return best
}

// edits is the number of insertions, deletions, replacements and swaps of
// neighbours between two words, or something above limit.
func edits(a, b string, limit int) int {
	if n := len(a) - len(b); n > limit || -n > limit {
		return limit + 1
	}
	two, one, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		two, one, row = one, row, two
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(one[j]+1, row[j-1]+1, one[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], two[j-2]+1)
			}
		}
	}
	return row[len(b)]
}
