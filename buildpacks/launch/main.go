// Launch is what an image has beside the app when its build asked for it. It ships inside app images, so it is made of
// the standard library alone.
package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// environment is a set of environment variables by name.
type environment map[string]string

func main() {
	env := environment{}
	for _, entry := range os.Environ() {
		name, value, _ := strings.Cut(entry, "=")
		env[name] = value
	}
	if err := run(os.Args, env); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// run does what the program's name says. The launcher starts it as certificates by a link in exec.d and reads the
// variables of the app from file 3 (Buildpack API, "exec.d").
func run(args []string, env environment) error {
	if filepath.Base(args[0]) == "certificates" {
		return certificates(args[0], env, os.NewFile(3, "variables"))
	}
	return errors.New("launch: call it by a link that is named certificates")
}
