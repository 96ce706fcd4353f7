package golang

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestHashSource changes an app file by file: what changes which hash decides
// whether a build compiles, and whether it looks for cgo again.
func TestHashSource(t *testing.T) {
	t.Parallel()
	files := map[string]string{
		"go.mod": goMod, "main.go": "package main\n\nimport \"fmt\"\n\nfunc main() { fmt.Println(1) }\n",
		"page.html": "<p>", "c.go": "package main\n\nimport \"C\"\n",
		"vendor/x/x.go": "package x\n", ".git/HEAD": "ref: refs/heads/main\n", "module/.git": "gitdir: /here",
	}
	tests := []struct {
		name                 string
		change               func(dir string) error
		all, imports, linked bool
	}{
		{"nothing", func(string) error { return nil }, false, false, false},
		{"time", func(dir string) error {
			return os.Chtimes(filepath.Join(dir, "main.go"), time.Unix(1, 0), time.Unix(1, 0))
		}, false, false, false},
		{"modes of others", func(dir string) error { return os.Chmod(filepath.Join(dir, "main.go"), 0o600) }, false, false, false},
		{"executable", func(dir string) error { return os.Chmod(filepath.Join(dir, "main.go"), 0o700) }, true, false, false},
		{"a repository's own file", rewrite(".git/HEAD", "x"), false, false, false},
		{"a worktree's link to its repository", rewrite("module/.git", "gitdir: /elsewhere"), false, false, false},
		{"a line of code", rewrite("main.go", "package main\n\nimport \"fmt\"\n\nfunc main() { fmt.Println(2) }\n"), true, false, false},
		{"an import", rewrite("main.go", "package main\n\nimport \"os\"\n\nfunc main() { os.Exit(1) }\n"), true, true, true},
		{"a build constraint",
			rewrite("main.go", "//go:build linux\n\npackage main\n\nimport \"fmt\"\n\nfunc main() { fmt.Println(1) }\n"), true, true, true},
		{"an embedded file", rewrite("page.html", "<b>"), true, false, true},
		{"a module file", rewrite("go.mod", goMod+"\n// x\n"), true, true, true},
		{"a vendored file", rewrite("vendor/x/x.go", "package x // y\n"), true, true, true},
		{"a line of code with C", rewrite("c.go", "package main\n\nimport \"C\"\n\nvar x = C.f()\n"), true, false, true},
		{"a new file", rewrite("new.txt", ""), true, true, true},
		{"a link", func(dir string) error { return os.Symlink("page.html", filepath.Join(dir, "link")) }, true, true, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir := app(t, files)
			before, err := hashSource(dir)
			if err != nil {
				t.Fatal(err)
			}
			if err := tt.change(dir); err != nil {
				t.Fatal(err)
			}
			after, err := hashSource(dir)
			if err != nil {
				t.Fatal(err)
			}
			if got := before.All != after.All; got != tt.all {
				t.Errorf("the hash of all changes: %t, want %t", got, tt.all)
			}
			if got := before.Imports != after.Imports; got != tt.imports {
				t.Errorf("the hash of imports changes: %t, want %t", got, tt.imports)
			}
			if got := before.Linked != after.Linked; got != tt.linked {
				t.Errorf("the hash of what is linked changes: %t, want %t", got, tt.linked)
			}
		})
	}
}

func rewrite(name, content string) func(dir string) error {
	return func(dir string) error { return os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644) }
}
