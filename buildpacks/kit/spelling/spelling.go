// Package spelling finds the name that a misspelt one may stand for.
package spelling

import "strings"

// Nearest returns the name that differs from a misspelt one in case alone, or else the one that the fewest edits turn it into. It
// returns "" if they are a third of its letters. One edit is always few where there are three letters.
func Nearest(misspelt string, names []string) string {
	best, least := "", max(len(misspelt)/3, min(len(misspelt)-1, 2))
	for _, name := range names {
		if strings.EqualFold(misspelt, name) {
			return name
		}
		if n := Distance(misspelt, name); n < least {
			best, least = name, n
		}
	}
	return best
}

// Distance is the Levenshtein distance of a and b in bytes.
func Distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
