// Launch is what an image has beside the app when its build asked for it. It ships inside app images, so it is made of
// the standard library alone.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// environment is a set of environment variables by name.
type environment map[string]string

func main() {
	env := environment{}
	for _, entry := range os.Environ() {
		name, value, _ := strings.Cut(entry, "=")
		env[name] = value
	}
	code, err := run(os.Args, env, os.Stdout)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = max(code, 1)
	}
	os.Exit(code)
}

// run does what the program's name or else its first argument says. The launcher starts it as allocator,
// certificates, inspector, java, java8 or port by a link in exec.d and reads the variables of the app from file 3 (Buildpack API,
// "exec.d").
func run(args []string, env environment, out io.Writer) (code int, err error) {
	switch name := filepath.Base(args[0]); {
	case name == "allocator":
		return 0, allocator(env, os.NewFile(3, "variables"))
	case name == "certificates":
		return 0, certificates(args[0], env, os.NewFile(3, "variables"))
	case name == "inspector":
		return 0, inspector(env, os.NewFile(3, "variables"))
	case name == "java":
		return 0, java("JDK_JAVA_OPTIONS", env, time.Now(), os.NewFile(3, "variables"), os.Stderr)
	case name == "java8": // Java 8 does not read JDK_JAVA_OPTIONS
		return 0, java("JAVA_TOOL_OPTIONS", env, time.Now(), os.NewFile(3, "variables"), os.Stderr)
	case name == "port":
		return 0, port(env, os.NewFile(3, "variables"))
	case len(args) == 2 && args[1] == "health-check":
		return 0, healthCheck(env, out)
	case len(args) > 2 && args[1] == "reload":
		return reload(args[2:], env, os.Stderr)
	case len(args) > 2 && args[1] == "run":
		return runList(args[2:], env, out)
	}
	return 0, errors.New("launch: call it as launch run, reload or health-check, or by a link of exec.d")
}
