package cnb

import (
	"strings"
	"testing"
)

// TestTooDeep finds keys, tables and lists that are too deep, and dots and brackets in texts that are nothing of the kind.
func TestTooDeep(t *testing.T) {
	t.Parallel()
	dots, names := strings.Repeat("a.", 100)+"a", strings.Repeat(`"a.b.js", `, 1000)
	for text, want := range map[string]bool{
		dots + " = 1":                               true,
		"[" + dots + "]":                            true,
		"[[" + dots + "]]":                          true,
		"x = {" + dots + " = 1}":                    true,
		"x = " + strings.Repeat("[", 100):           true,
		"x = " + strings.Repeat("{a = ", 100):       true,
		"x = \"\"\"a\"\"\"\"\"\n" + dots + "= 1":    true,
		"x = {a = \"\"\"a\"\"\"\", " + dots + "=1}": true,
		"x = 'a\\'\n" + dots + "= 1":                true,
		"x = \"a\n" + dots + "= 1":                  true,
		"# '\n" + dots + "= 1":                      true,
		"x = [" + names + "]":                       false,
		"x = \"" + dots + "\"":                      false,
		"x = '" + dots + "'":                        false,
		"x = \"\\\"" + dots + "\"":                  false,
		"x = '''\n'" + dots + "'''":                 false,
		"# " + dots:                                 false,
		strings.Repeat("a.b = 1.5\n[x.y]\n", 1000):  false,
	} {
		if got := tooDeep([]byte(text)); got != want {
			t.Errorf("%.60q: got %t", text, got)
		}
	}
}
