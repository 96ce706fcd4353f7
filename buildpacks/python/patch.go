package python

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

var (
	fullVersion = regexp.MustCompile(`\b(?:python_full_version|implementation_version)\b`)
	release     = regexp.MustCompile(`['"](\d+\.\d+)\.(\d+)['"]`)
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
		for _, m := range release.FindAllStringSubmatch(marker, -1) {
			if n, err := strconv.Atoi(m[2]); m[1] == fmt.Sprintf("3.%d", minor) && (err != nil || n >= patch) {
				return true
			}
		}
	}
	return false
}
