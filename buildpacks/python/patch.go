package python

import (
	"cmp"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

var (
	fullVersion = regexp.MustCompile(`\b(?:python_full_version|implementation_version)\b`)
	quoted      = regexp.MustCompile(`'[^']*'|"[^"]*"`)
	release     = regexp.MustCompile(`\b3\.(\d+)(?:\.(\d+))?`)
)

// tellsPatches reports whether the markers of requirements may hold for one patch of Python and not for a later one of the same line: they
// name this patch, or a later one.
func tellsPatches(version, lines string) bool {
	var minor, patch int
	if _, err := fmt.Sscanf(version, "3.%d.%d", &minor, &patch); err != nil {
		return fullVersion.MatchString(lines)
	}
	for line := range strings.Lines(lines) {
		_, marker, _ := strings.Cut(line, ";")
		if !fullVersion.MatchString(marker) {
			continue
		}
		for _, m := range release.FindAllStringSubmatch(strings.Join(quoted.FindAllString(marker, -1), " "), -1) {
			n, err := strconv.Atoi(cmp.Or(m[2], "0")) // 3.13 is 3.13.0
			if m[1] == strconv.Itoa(minor) && (err != nil || n >= patch) {
				return true
			}
		}
	}
	return false
}
