package main_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

func TestAllocator(t *testing.T) {
	t.Parallel()
	link := filepath.Join(t.TempDir(), "allocator")
	if err := os.Symlink(launch, link); err != nil {
		t.Fatal(err)
	}
	const own = "LD_PRELOAD=/layers/strata_allocator/allocator/libjemalloc.so.2"
	for name, test := range map[string]struct {
		env               []string
		variables, stderr string
	}{
		"as built":        {env: []string{own}},
		"undone":          {env: []string{own, "BPL_ALLOCATOR=glibc"}, variables: "LD_PRELOAD = \"\"\n"},
		"somebody else's": {env: []string{"LD_PRELOAD=/workspace/own.so", "BPL_ALLOCATOR=glibc"}},
		"another": {env: []string{own, "BPL_ALLOCATOR=mimalloc"},
			stderr: "allocator: BPL_ALLOCATOR is \"mimalloc\": write glibc, or build the image with another BP_ALLOCATOR\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			variables, err := os.Create(filepath.Join(t.TempDir(), "variables"))
			if err != nil {
				t.Fatal(err)
			}
			defer variables.Close()
			var stderr bytes.Buffer
			cmd := exec.CommandContext(t.Context(), link)
			cmd.Env, cmd.Stderr, cmd.ExtraFiles = test.env, &stderr, []*os.File{variables}
			if err := cmd.Run(); (err != nil) != (test.stderr != "") || stderr.String() != test.stderr {
				t.Errorf("%v and %q, want %q", err, stderr.String(), test.stderr)
			}
			if got, err := os.ReadFile(variables.Name()); err != nil || string(got) != test.variables {
				t.Errorf("it says %q (%v), want %q", got, err, test.variables)
			}
		})
	}
}
