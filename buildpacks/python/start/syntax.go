package start

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/strata-buildpacks/strata/buildpacks/kit/command"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

// Interpreter reads the syntax of files. It is isolated: it sees neither packages nor variables, and runs nothing of the app.
type Interpreter struct {
	Program string   // absolute path
	Env     []string // "LD_LIBRARY_PATH=…": what the program itself needs, and nothing else
}

//go:embed read.py
var reader string

// module is what a file of Python says.
type module struct {
	File      string // relative to the project, with slashes
	Made      []made
	Functions []function        // that take no arguments
	Imports   []string          // the first names of modules
	Texts     map[string]string // what names in capitals are, "" for what is no text, and DJANGO_SETTINGS_MODULE
	Static    bool              // it names Django's app of static files
	Main      bool              // it does something only when it is started
	Error     string            // why it cannot be read
}

// made is a name that a module has.
type made struct {
	Name, Of string // "app", "fastapi.FastAPI": what is called, or what it is
	Call     bool
	Line     int
}

type function struct {
	Name  string
	Calls []string
	Line  int
}

// maxReading is how long the files of an app may take.
const maxReading = time.Minute

// read reads the files of Python in a folder and below it: at most 1,000, without those of tests.
func (i Interpreter) read(ctx context.Context, dir string) ([]module, error) {
	limited, cancel := context.WithTimeout(ctx, maxReading)
	defer cancel()
	text, err := command.Output(limited, command.Command{
		Path: i.Program, Args: []string{"-I", "-S", "-c", reader, dir}, Env: i.Env,
	})
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		return nil, fault.Fault{ID: "python-syntax", What: "the app's files of Python cannot be read", Err: err,
			Do: "write a Procfile with web: and the program, and look for a file that is too large"}
	}
	var all []module
	if err := json.Unmarshal(text, &all); err != nil {
		return nil, fmt.Errorf("reading what the interpreter says of the app's files: %w", err)
	}
	return all, nil
}

// dir returns the folder of a module.
func (m module) dir() string { return path.Dir(m.File) }

// base returns the name of a module in its folder.
func (m module) base() string { return strings.TrimSuffix(path.Base(m.File), ".py") }

// root returns the folder that a module is imported from, relative to the project: src, or its own where it imports its neighbours by
// their names alone, or that of the project.
func (a App) root(m module) string {
	has := func(dir, name string) bool {
		return slices.ContainsFunc([]string{name + ".py", name + "/"}, func(at string) bool {
			_, err := os.Stat(filepath.Join(a.Project.Dir, dir, at))
			return err == nil
		})
	}
	first, _, below := strings.Cut(m.File, "/")
	switch {
	case below && slices.ContainsFunc(m.Imports, func(name string) bool {
		return has(m.dir(), name) && !has(".", name) && !has(source, name)
	}):
		return m.dir()
	case below && first == "src" && !has("src", "__init__"):
		return "src"
	}
	return "."
}

// name returns how a module is imported from a folder.
func (m module) name(root string) string {
	name := strings.TrimSuffix(m.File, ".py")
	if root != "." {
		name = strings.TrimPrefix(name, root+"/")
	}
	return strings.ReplaceAll(strings.TrimSuffix(name, "/__init__"), "/", ".")
}
