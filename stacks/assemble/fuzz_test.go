package assemble

import (
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzGlob compares patterns with a matcher that tries everything.
func FuzzGlob(f *testing.F) {
	for _, s := range [][2]string{
		{"/a/*.so.?", "/a/x.so.1"}, {"/a/**", "/a/b/c"}, {"/a/**/c", "/a/b/c"}, {"/***", "/"}, {"/a[*]", "/a[x]"}, {"/é?", "/éa"},
		{"/?", "/é"}, {"/**", "/\n"}, {"**", ""},
	} {
		f.Add(s[0], s[1])
	}
	f.Fuzz(func(t *testing.T, pattern, path string) {
		if len(pattern) > 20 || len(path) > 40 || !utf8.ValidString(pattern) || !utf8.ValidString(path) {
			return // the matcher here takes exponential time, and both TOML and paths of packages are UTF-8
		}
		if got, want := glob(pattern).MatchString(path), matches([]rune(pattern), []rune(path)); got != want {
			t.Errorf("%q matches %q: %v, want %v", pattern, path, got, want)
		}
	})
}

// matches is the meaning of a pattern, written as its definition: ** is any text, * and ? have no slash.
func matches(pattern, path []rune) bool {
	switch {
	case len(pattern) == 0:
		return len(path) == 0
	case strings.HasPrefix(string(pattern), "**"):
		return matches(pattern[2:], path) || len(path) > 0 && matches(pattern, path[1:])
	case pattern[0] == '*':
		return matches(pattern[1:], path) || len(path) > 0 && path[0] != '/' && matches(pattern, path[1:])
	case len(path) == 0:
		return false
	case pattern[0] == '?':
		return path[0] != '/' && matches(pattern[1:], path[1:])
	}
	return pattern[0] == path[0] && matches(pattern[1:], path[1:])
}
