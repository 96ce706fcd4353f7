package golang

import (
	"path/filepath"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
)

// TestLicences has the places where the texts of modules are: where a binary says that its modules come from.
func TestLicences(t *testing.T) {
	t.Parallel()
	const (
		zero = "Permission to use, copy, modify, and/or distribute this software for any purpose with or without fee is hereby granted.\n\n" +
			asIs
		isc = "Permission to use, copy, modify, and/or distribute this software for any purpose with or without fee is hereby granted, " +
			"provided that the above copyright notice and this permission notice appear in all copies.\n\n" + asIs
	)
	dir, cache := t.TempDir(), t.TempDir()
	kittest.Write(t, dir, map[string]string{
		"LICENSE": isc, "local/LICENSE": isc, "vendor/example.test/vendored/LICENSE": isc, "vendor/example.test/gone/LICENSE": isc,
	})
	kittest.Write(t, cache, map[string]string{
		"example.test/!plain@v1.0.0/LICENSE": isc, "example.test/fork@v1.1.0/LICENSE": isc, "example.test/local@v1.2.0/LICENSE": isc,
		// What must not be taken.
		"example.test/replaced@v1.0.0/LICENSE": zero, "example.test/fork@v1.0.0/LICENSE": zero, "example.test/local@v1.0.0/LICENSE": zero,
		"example.test/vendored@v1.0.0/LICENSE": zero, "example.test/shop@v1.0.0/LICENSE": zero,
	})
	app := finder{dir: dir, members: []member{{
		Dir: ".", Path: "example.test/shop",
		Replaced: map[string]string{"example.test/local": "local", "example.test/bare": "bare", "example.test/gone": "gone"},
	}}}
	module := func(path, version string) *debug.Module {
		return &debug.Module{Path: "example.test/" + path, Version: version}
	}
	by := func(m, other *debug.Module) *debug.Module { m.Replace = other; return m }
	tests := []struct {
		name   string
		module *debug.Module
		want   string
	}{
		{"the app", module("shop", "(devel)"), "ISC"},
		{"the app of a tag", module("shop", "v1.0.0"), "ISC"},
		{"a module of the cache", module("Plain", "v1.0.0"), "ISC"},
		{"a folder instead", by(module("local", "v1.0.0"), &debug.Module{Path: "./local", Version: "(devel)"}), "ISC"},
		{"a folder without a text", by(module("bare", "v1.0.0"), &debug.Module{Path: "./bare"}), ""},
		{"a folder that is vendored alone", by(module("gone", "v1.0.0"), &debug.Module{Path: "./gone"}), "ISC"},
		{"a version that no folder replaces", module("local", "v1.2.0"), "ISC"},
		{"another module instead", by(module("replaced", "v1.0.0"), module("fork", "v1.1.0")), "ISC"},
		{"another module instead of a vendored one", by(module("vendored", "v1.0.0"), module("fork", "v1.0.0")), "ISC"},
		{"another version of a module that a folder replaces", by(module("local", "v1.0.0"), module("fork", "v1.1.0")), "ISC"},
		{"nothing", module("absent", "v1.0.0"), ""},
	}
	for _, again := range []string{"", " again"} {
		l := openLicences(app, cache)
		for _, tt := range tests {
			if got := strings.Join(l.of(tt.module), " "); got != tt.want {
				t.Errorf("%s%s: %q, want %q", tt.name, again, got, tt.want)
			}
		}
		if err := l.save(); err != nil {
			t.Fatal(err)
		}
		kittest.Write(t, filepath.Join(cache, "example.test/!plain@v1.0.0"), map[string]string{"LICENSE": zero}) // it is not read again
	}
}

const asIs = `THE SOFTWARE IS PROVIDED "AS IS" AND THE AUTHOR DISCLAIMS ALL WARRANTIES WITH REGARD TO THIS SOFTWARE INCLUDING ALL IMPLIED
WARRANTIES OF MERCHANTABILITY AND FITNESS. IN NO EVENT SHALL THE AUTHOR BE LIABLE FOR ANY SPECIAL, DIRECT, INDIRECT, OR
CONSEQUENTIAL DAMAGES OR ANY DAMAGES WHATSOEVER RESULTING FROM LOSS OF USE, DATA OR PROFITS, WHETHER IN AN ACTION OF CONTRACT,
NEGLIGENCE OR OTHER TORTIOUS ACTION, ARISING OUT OF OR IN CONNECTION WITH THE USE OR PERFORMANCE OF THIS SOFTWARE.
`
