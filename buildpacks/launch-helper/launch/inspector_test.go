package main_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

func TestInspector(t *testing.T) {
	t.Parallel()
	link := filepath.Join(t.TempDir(), "inspector")
	if err := os.Symlink(launch, link); err != nil {
		t.Fatal(err)
	}
	const enabled = "BPL_DEBUG_ENABLED=true"
	tests := []struct {
		name              string
		env               []string
		variables, stderr string
		code              int
	}{
		{name: "not wanted", env: []string{"BPL_DEBUG_PORT=1"}},
		{name: "off", env: []string{"BPL_DEBUG_ENABLED=false"}},
		{name: "on", env: []string{enabled}, variables: "NODE_OPTIONS = \"--inspect=0.0.0.0:9229\"\n"},
		{
			name: "with options", env: []string{"BPL_DEBUG_ENABLED=On", "BPL_DEBUG_PORT=9009", `NODE_OPTIONS=--require "/a b.js"`},
			variables: `NODE_OPTIONS = "--require \"/a b.js\" --inspect=0.0.0.0:9009"` + "\n",
		},
		{name: "open already", env: []string{enabled, "NODE_OPTIONS=--inspect-brk=1"}},
		{name: "no boolean", env: []string{"BPL_DEBUG_ENABLED=maybe"},
			stderr: "inspector: BPL_DEBUG_ENABLED is \"maybe\", which is neither true nor false\n", code: 1},
		{name: "no port", env: []string{enabled, "BPL_DEBUG_PORT=70000"},
			stderr: "inspector: BPL_DEBUG_PORT is \"70000\", which is no port\n", code: 1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			cmd := exec.CommandContext(t.Context(), link)
			cmd.Env = test.env
			got := finish(t, cmd)
			if want := (outcome{variables: test.variables, stderr: test.stderr, code: test.code}); got != want {
				t.Errorf("got %+v, want %+v", got, want)
			}
		})
	}
}
