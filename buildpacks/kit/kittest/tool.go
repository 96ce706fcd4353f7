package kittest

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/strata-buildpacks/strata/buildpacks/kit/config"
)

// Tool is a program that notes how it is called and then does what the test says. It is a script for /bin/sh, so it can be a
// file in a folder of tools, in an archive or in a package.
type Tool struct{ notes, script string }

// NewTool returns a program that runs a script with the arguments and the environment of the call.
func NewTool(t *testing.T, script string) Tool {
	t.Helper()
	return Tool{filepath.Join(t.TempDir(), "calls"), script}
}

// Text returns the content of the program's file.
func (x Tool) Text() string {
	return `#!/bin/sh
{ printf '%s\0' $# "$0" "$@" "$(pwd)"; /usr/bin/env -0; printf '\0'; } >>'` + x.notes + `'
` + x.script + "\n"
}

// Call is one call of a Tool.
type Call struct {
	Name string             // argv[0]
	Args []string           // without the name
	Dir  string             // absolute path of the working folder
	Env  config.Environment // without what a shell sets itself: PWD, OLDPWD, SHLVL and _
}

// Calls returns the calls so far, in order.
func (x Tool) Calls(t *testing.T) []Call {
	t.Helper()
	data, err := os.ReadFile(x.notes)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	var calls []Call
	words := strings.Split(string(data), "\x00")
	next := func() string {
		if len(words) == 0 {
			t.Fatalf("the notes of a tool end early: %q", data)
		}
		word := words[0]
		words = words[1:]
		return word
	}
	for len(words) > 1 { // the last word is empty
		n, err := strconv.Atoi(next())
		if err != nil {
			t.Fatalf("the notes of a tool: %v", err)
		}
		call := Call{Name: next(), Env: config.Environment{}}
		for range n {
			call.Args = append(call.Args, next())
		}
		call.Dir = next()
		for entry := next(); entry != ""; entry = next() {
			name, value, _ := strings.Cut(entry, "=")
			call.Env[name] = value
		}
		for _, own := range []string{"PWD", "OLDPWD", "SHLVL", "_"} {
			delete(call.Env, own)
		}
		calls = append(calls, call)
	}
	return calls
}
