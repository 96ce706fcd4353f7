package golang

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/strata-buildpacks/strata/buildpacks/kit/config"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
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
		locks  string // GIT_OPTIONAL_LOCKS, if git may write the index
	}{
		{"clean", "", nil, "", ""},
		{"changed", "", rewrite("a.bin", "more"), "", ""},
		{"worktree", "", func(dir string) error {
			return os.Rename(filepath.Join(dir, ".git"), filepath.Join(t.TempDir(), "x"))
		}, "a worktree or submodule", ""},
		{"objects that are elsewhere", "", func(dir string) error { return os.RemoveAll(filepath.Join(dir, ".git/objects")) }, `git says "`, ""},
		{"no commit", "update-ref -d HEAD", nil, `git says "fatal: ambiguous argument 'HEAD'`, ""},
		{"filter of clean files", lfs, nil, "", ""},
		{"filter of changed files", lfs, rewrite("a.bin", "more"), "git has filters", ""},
		{"monitor", "config core.fsmonitor " + program, rewrite("a.bin", "more"), "", ""},
		{"index that is out of date", "", outdated, "", ""},
		{"hooks", "config core.hooksPath " + filepath.Dir(program), outdated, "", "1"},
		{"signatures", "config log.showSignature true; config gpg.program " + program, signed, "", ""},
		{"submodule that names a program", "", func(dir string) error {
			sub := filepath.Join(dir, "sub")
			gitIn(t, dir, "init -q sub")
			kittest.Write(t, sub, map[string]string{"x": "content", ".gitattributes": "x filter=f\n"})
			gitIn(t, sub, "config user.name a; config user.email a@example.test; add -A; commit -q -m first")
			gitIn(t, dir, "-c advice.addEmbeddedRepo=false add sub; commit -q -m second")
			gitIn(t, sub, "config filter.f.clean "+program)
			return rewrite("x", "another")(sub)
		}, "", ""},
		{"checkout of another user", "", func(dir string) error {
			return errors.Join(os.Chown(dir, 65534, 65534), os.Chown(filepath.Join(dir, ".git"), 65534, 65534))
		}, "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir := app(t, map[string]string{"a.bin": "content", ".gitattributes": "*.bin filter=lfs\n"})
			const first = "init -q; config user.name a; config user.email a@example.test; add -A; commit -q -m first; "
			gitIn(t, dir, first+tt.then)
			if tt.name == "checkout of another user" && os.Geteuid() != 0 {
				t.Skip("nobody but root can give a folder away")
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
			env = env.With(env.Git())
			if tt.locks != "" {
				env = env.With(config.Environment{"GIT_OPTIONAL_LOCKS": tt.locks})
			}
			index, _ := os.ReadFile(filepath.Join(dir, ".git", "index")) // a worktree has none
			got := readRepository(t.Context(), dir, env, nil)
			if after, _ := os.ReadFile(filepath.Join(dir, ".git", "index")); tt.locks == "" && !bytes.Equal(index, after) {
				t.Error("the index was written")
			}
			if (got.State != "") != (tt.why == "") || !strings.HasPrefix(got.Why, tt.why) {
				t.Errorf("got %q and %q, want %q", got.State, got.Why, tt.why)
			}
			if _, err := os.Stat(started); err == nil {
				t.Error("a program of the repository was started")
			}
		})
	}
}

// outdated gives a file another time, so that git writes the index again where it may.
func outdated(dir string) error {
	return os.Chtimes(filepath.Join(dir, "a.bin"), time.Unix(1, 0), time.Unix(1, 0))
}

// signed replaces the last commit by one with a signature.
func signed(dir string) error {
	git := func(args ...string) (string, error) {
		cmd := exec.Command("git", args...)
		cmd.Dir = dir
		out, err := cmd.Output()
		return strings.TrimSuffix(string(out), "\n"), err
	}
	commit, err := git("cat-file", "commit", "HEAD")
	if err != nil {
		return err
	}
	const signature = "\ngpgsig -----BEGIN PGP SIGNATURE-----\n \n iQ==\n -----END PGP SIGNATURE-----\n\n"
	object := filepath.Join(dir, ".git", "signed")
	if err := os.WriteFile(object, []byte(strings.Replace(commit, "\n\n", signature, 1)+"\n"), 0o644); err != nil {
		return err
	}
	hash, err := git("hash-object", "-t", "commit", "-w", object)
	if err != nil {
		return err
	}
	_, err = git("update-ref", "HEAD", hash)
	return err
}

// gitIn runs commands of git, with semicolons between them, in a folder.
func gitIn(t *testing.T, dir, commands string) {
	t.Helper()
	for command := range strings.SplitSeq(commands, "; ") {
		if command == "" {
			continue
		}
		cmd := exec.CommandContext(t.Context(), "git", strings.Fields(command)...)
		cmd.Dir, cmd.Env = dir, append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %s: %v: %s", command, err, out)
		}
	}
}
