// Package compile compiles modules of Python, to the same bytes in every build.
package compile

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/command"
	"github.com/strata-buildpacks/strata/buildpacks/kit/config"
	"github.com/strata-buildpacks/strata/buildpacks/kit/report"
)

//go:embed compile.py
var script string

// Module is a module to compile. All paths are absolute.
type Module struct {
	Source  string `json:"source"`  // its source
	Final   string `json:"final"`   // path of the source in the image, which tracebacks name
	Output  string `json:"output"`  // what it is compiled to; folders are made
	Checked bool   `json:"checked"` // Python compares it with the source before it loads it, and compiles that if it is another one
}

// Output returns the path of what a module is compiled to (PEP 3147), from that of its source. The minor version is "3.13".
func Output(source, minor string) string {
	name := strings.TrimSuffix(path.Base(source), ".py") + ".cpython-" + strings.ReplaceAll(minor, ".", "") + ".pyc"
	return path.Join(path.Dir(source), "__pycache__", name)
}

// Run compiles modules with an interpreter in a folder, as many jobs at a time as there are processors. What a job's modules are compiled
// to depends on the order and the content of that job alone. A module that is not of this version of Python is left out.
func Run(ctx context.Context, log *report.Log, python, minor string, jobs [][]Module) error {
	text, err := json.Marshal(jobs)
	if err != nil {
		return err
	}
	home, remove, err := command.Home()
	if err != nil {
		return err
	}
	defer remove()
	file, program := filepath.Join(home, "jobs.json"), filepath.Join(home, "compile.py")
	for name, content := range map[string]string{file: string(text), program: script} {
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			return fmt.Errorf("preparing to compile modules: %w", err)
		}
	}
	env := Environment(python).With(config.Environment{"HOME": home, "PYTHONHASHSEED": "0", "PYTHONSAFEPATH": "1"})
	return command.Run(ctx, command.Command{
		Path: filepath.Join(python, "bin", "python"+minor), Args: []string{"-S", "-s", "-B", "-W", "ignore", program, file},
		Dir: home, Env: env.List(), Log: log,
	})
}

// Environment returns the variables with which an interpreter in a folder starts.
func Environment(python string) config.Environment {
	return config.Environment{"LD_LIBRARY_PATH": filepath.Join(python, "lib")}
}
