package golang

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/strata-buildpacks/strata/buildpacks/kit/config"
)

// TestReadRepository has checkouts that git can speak for, and others. Nothing that a repository names is started.
func TestReadRepository(t *testing.T) {
	t.Parallel()
	started := filepath.Join(t.TempDir(), "started")
	program := app(t, map[string]string{"post-index-change": "#!/bin/sh\ntouch " + started + "\ncat\n"}) + "/post-index-change"
	if err := os.Chmod(program, 0o755); err != nil {
		t.Fatal(err)
	}
	lfs := "config filter.lfs.clean " + program + "; config filter.lfs.process " + program + "; config filter.lfs.required true"
	tests := []struct {
		name   string
		then   string // commands of git, after the first commit
		change func(dir string) error
		why    string // how it begins; "" when the binaries are stamped
	}{
		{"clean", "", nil, ""},
		{"changed", "", rewrite("a.bin", "more"), ""},
		{"worktree", "", func(dir string) error {
			return os.Rename(filepath.Join(dir, ".git"), filepath.Join(t.TempDir(), "x"))
		}, "a worktree or submodule"},
		{"objects that are elsewhere", "", func(dir string) error { return os.RemoveAll(filepath.Join(dir, ".git/objects")) }, `git says "`},
		{"no commit", "update-ref -d HEAD", nil, `git says "fatal: ambiguous argument 'HEAD'`},
		{"filter of clean files", lfs, nil, ""},
		{"filter of changed files", lfs, rewrite("a.bin", "more"), "git has filters"},
		{"monitor", "config core.fsmonitor " + program, rewrite("a.bin", "more"), ""},
		{"hooks", "config core.hooksPath " + filepath.Dir(program), rewrite("a.bin", "more"), ""},
		{"signatures", "config log.showSignature true; config gpg.program " + program, nil, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir := app(t, map[string]string{"a.bin": "content", ".gitattributes": "*.bin filter=lfs\n"})
			const first = "init -q; config user.name a; config user.email a@example.test; add -A; commit -q -m first; "
			for command := range strings.SplitSeq(first+tt.then, "; ") {
				if command == "" {
					continue
				}
				cmd := exec.CommandContext(t.Context(), "git", strings.Fields(command)...)
				cmd.Dir, cmd.Env = dir, append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null")
				if out, err := cmd.CombinedOutput(); err != nil {
					t.Fatalf("git %s: %v: %s", command, err, out)
				}
			}
			if tt.change != nil {
				if err := tt.change(dir); err != nil {
					t.Fatal(err)
				}
			}
			if tt.name == "worktree" {
				if err := os.WriteFile(filepath.Join(dir, ".git"), []byte("gitdir: /elsewhere\n"), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			env := config.Environment{"PATH": os.Getenv("PATH"), "HOME": os.DevNull}
			got := readRepository(t.Context(), dir, env.With(env.Git()), nil)
			if (got.State != "") != (tt.why == "") || !strings.HasPrefix(got.Why, tt.why) {
				t.Errorf("got %q and %q, want %q", got.State, got.Why, tt.why)
			}
			if _, err := os.Stat(started); err == nil {
				t.Error("a program of the repository was started")
			}
		})
	}
}
