// Package platform_test holds the rooms of the platform to their README.
package platform_test

import (
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestRooms compares the table of rooms with the folders, and each room's imports with its place in the table.
func TestRooms(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(readme), "## The rooms\n")
	table, _, _ = strings.Cut(table, "\n## ")
	var rooms []string
	for _, row := range regexp.MustCompile("(?m)^\\| `([a-z]+)` \\|").FindAllStringSubmatch(table, -1) {
		rooms = append(rooms, row[1])
	}
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if entry.IsDir() && entry.Name() != "internal" && !slices.Contains(rooms, entry.Name()) {
			t.Errorf("the room %s is not in the table", entry.Name())
		}
	}
	for place, room := range rooms {
		for _, imported := range imports(t, room) {
			if at := slices.Index(rooms, imported); at >= place && imported != room {
				t.Errorf("%s imports %s, which is below it in the table", room, imported)
			}
		}
	}
}

// imports returns the rooms that the files of a room import, tests left out.
func imports(t *testing.T, room string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(room, "*.go"))
	if err != nil || len(files) == 0 {
		t.Fatalf("the room %s has no Go files (%v)", room, err)
	}
	var all []string
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, spec := range parsed.Imports {
			_, inside, ours := strings.Cut(strings.Trim(spec.Path.Value, `"`), "/builder/platform/")
			if imported, _, _ := strings.Cut(inside, "/"); ours && imported != "internal" {
				all = append(all, imported)
			}
		}
	}
	return all
}
