package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Unknown returns one warning for each variable of the environment that begins with prefix ("BP_GO_") but is not
// declared, with the declared name that is nearest to it.
func (c Config) Unknown(prefix string) []string {
	var warnings []string
	for _, name := range slices.Sorted(maps.Keys(c.env)) {
		if !strings.HasPrefix(name, prefix) || c.declares(name) {
			continue
		}
		warning := fmt.Sprintf("%s is set but nothing reads it", name)
		if near := c.nearest(name); near != "" {
			warning += fmt.Sprintf("; did you mean %s?", near)
		}
		warnings = append(warnings, warning)
	}
	return warnings
}

func (c Config) declares(name string) bool {
	return slices.ContainsFunc(c.variables, func(v Variable) bool { return v.Name == name })
}

// nearest returns the declared name that the fewest edits turn name into, or "" when it takes a third of the letters.
func (c Config) nearest(name string) string {
	best, least := "", len(name)/3
	for _, v := range c.variables {
		if n := distance(name, v.Name); n < least {
			best, least = v.Name, n
		}
	}
	return best
}

// distance is the Levenshtein distance of a and b in bytes.
func distance(a, b string) int {
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
