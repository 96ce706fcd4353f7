package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"strings"
	"testing"
)

// starters are the names in the standard library, and in x/sys, that start a program.
var starters = map[string]string{
	"exec.Command": "os/exec", "exec.CommandContext": "os/exec", "exec.Cmd": "os/exec", "os.StartProcess": "os",
	"syscall.Exec": "syscall", "syscall.ForkExec": "syscall", "syscall.StartProcess": "syscall", "unix.Exec": "golang.org/x/sys/unix",
}

// mayStart are the files that start programs, with the reason why no such program runs on the host in an app's folder.
var mayStart = map[string]string{
	"builder/host/host.go":                        "runs programs of the host, in /",
	"builder/platform/sandbox/sandbox.go":         "starts itself in new namespaces",
	"builder/platform/sandbox/init.go":            "is in the sandbox",
	"buildpacks/kit/command/command.go":           "is in a build, which the platform isolates",
	"buildpacks/launch-helper/launch/run.go":      "is in an app's image",
	"buildpacks/launch-helper/launch/reload.go":   "is in an app's image",
	"buildpacks/launch-helper/launch/together.go": "is in an app's image",
	"buildpacks/kit/kittest/run.go":               "is in tests",
	"buildpacks/kit/kittest/builder.go":           "is in tests",
}

// TestPrograms has one way to start a program of the host.
func TestPrograms(t *testing.T) {
	t.Parallel()
	used := map[string]bool{}
	for _, tree := range []string{"builder", "stacks", "buildpacks"} {
		goFiles(t, tree, func(name string, content []byte) {
			if strings.HasSuffix(name, "_test.go") {
				return
			}
			file, err := parser.ParseFile(token.NewFileSet(), name, content, 0)
			if err != nil {
				t.Error(err)
				return
			}
			for _, starter := range startersIn(file) {
				if used[name] = true; mayStart[name] == "" {
					t.Errorf("%s uses %s: start a program of the host with builder/host, or one in a build with buildpacks/kit/command", name, starter)
				}
			}
		})
	}
	for name := range mayStart {
		if !used[name] {
			t.Errorf("%s starts no program", name)
		}
	}
}

// startersIn returns the starters that a file uses, whatever it calls their packages.
func startersIn(file *ast.File) []string {
	packages := map[string]string{} // paths by the names that the file has for them
	for _, spec := range file.Imports {
		path := strings.Trim(spec.Path.Value, `"`)
		name := path[strings.LastIndexByte(path, '/')+1:]
		if spec.Name != nil {
			name = spec.Name.Name
		}
		packages[name] = path
	}
	var found []string
	ast.Inspect(file, func(node ast.Node) bool {
		selector, ok := node.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		of, ok := selector.X.(*ast.Ident)
		if !ok {
			return true
		}
		path := packages[of.Name]
		if name := path[strings.LastIndexByte(path, '/')+1:] + "." + selector.Sel.Name; path != "" && starters[name] == path {
			found = append(found, name)
		}
		return true
	})
	return found
}
