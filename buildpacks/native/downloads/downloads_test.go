package downloads_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
	"github.com/strata-buildpacks/strata/buildpacks/native/downloads"
)

const full = "0123456789abcdef0123456789abcdef01234567"

// TestFind names what has no hash, and nothing else.
func TestFind(t *testing.T) {
	t.Parallel()
	app := t.TempDir()
	kittest.Write(t, app, map[string]string{
		"CMakeLists.txt": "include(FetchContent)\n" +
			"FetchContent_Declare(fmt\n  GIT_REPOSITORY https://example.test/fmt.git\n  GIT_TAG 11.0.2\n)\n" +
			"FetchContent_Declare(json URL https://example.test/json.tar.xz URL_HASH SHA256=00)\n" +
			"fetchcontent_declare( spdlog GIT_REPOSITORY https://example.test/spdlog GIT_TAG " + full + ")\n" +
			"# FetchContent_Declare(old URL https://example.test/old.zip)\n" +
			"FetchContent_Declare(here SOURCE_DIR ${CMAKE_SOURCE_DIR}/here)\n",
		"cmake/deps.cmake":        "ExternalProject_Add(zlib URL https://example.test/zlib.tgz",
		"subprojects/a.wrap":      "[wrap-git]\nurl = https://example.test/a\nrevision = main\n",
		"subprojects/b.wrap":      "[wrap-git]\nurl = https://example.test/b\nrevision = " + full + "\n",
		"subprojects/c.wrap":      "[wrap-file]\nsource_url = https://example.test/c.zip\nsource_hash = 00\n",
		"subprojects/d.wrap":      "[wrap-file]\nsource_url = https://example.test/d.zip\n",
		"subprojects/folder.wrap": "[wrap-redirect]\nfilename = a.wrap\n",
	})
	for builder, want := range map[string][]string{
		"cmake": {"CMakeLists.txt:2 fmt", "cmake/deps.cmake:1 zlib"},
		"meson": {"subprojects/a.wrap:2 https://example.test/a", "subprojects/d.wrap:2 https://example.test/d.zip"},
		"make":  nil,
	} {
		found, err := downloads.Find(app, builder)
		var got []string
		for _, d := range found {
			got = append(got, fmt.Sprintf("%s:%d %s", d.File, d.Line, d.Name))
		}
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %q (%v), want %q", builder, got, err, want)
		}
	}
}

// FuzzFind reads files of any content. Lines are lines of the file, and names are in it.
func FuzzFind(f *testing.F) {
	f.Add("FetchContent_Declare(a URL b)")
	f.Add("[wrap-git]\nurl = x\nrevision = y\n")
	f.Fuzz(func(t *testing.T, text string) {
		app := t.TempDir()
		kittest.Write(t, app, map[string]string{"CMakeLists.txt": text, "x.wrap": text})
		for _, builder := range []string{"cmake", "meson"} {
			found, err := downloads.Find(app, builder)
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range found {
				lines := strings.Split(text, "\n")
				if d.Line < 1 || d.Line > len(lines) || !strings.Contains(lines[d.Line-1], d.Name) {
					t.Errorf("line %d of %q has no %q", d.Line, text, d.Name)
				}
			}
		}
	})
}
