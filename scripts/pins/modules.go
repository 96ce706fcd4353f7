package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"go/version"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/modfile"
)

// toolchain is the name under which the Go command knows the toolchain line of a go.mod as a module.
const toolchain = "toolchain"

// modules are those that a go.mod asks for by itself, and the Go release of its toolchain line.
type modules struct {
	file   string
	pinned map[string]string // versions by path
}

// modulesOf returns the source of a go.mod. A pin has the path of its module as its name.
func modulesOf(file string) (source, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return source{}, err
	}
	parsed, err := modfile.Parse(file, content, nil)
	if err != nil {
		return source{}, err
	}
	m := modules{file, map[string]string{}}
	for _, r := range parsed.Require {
		isTool := slices.ContainsFunc(parsed.Tool, func(t *modfile.Tool) bool {
			return t.Path == r.Mod.Path || strings.HasPrefix(t.Path, r.Mod.Path+"/")
		})
		if !r.Indirect || isTool {
			m.pinned[r.Mod.Path] = r.Mod.Version
		}
	}
	if parsed.Toolchain != nil {
		m.pinned[toolchain] = parsed.Toolchain.Name
	}
	return source{names: sortedKeys(m.pinned), files: []string{file}, ask: m.ask, move: m.move}, nil
}

// listed is what the Go command says of a module.
type listed struct {
	Path, Version string
	Update        *struct{ Version string }
	Error         *struct{ Err string }
}

// ask asks the Go command, which asks the configured module proxies.
func (m modules) ask(ctx context.Context) ([]pin, error) {
	asked := slices.DeleteFunc(sortedKeys(m.pinned), func(path string) bool { return path == toolchain })
	answers, err := m.list(ctx, append([]string{"-u"}, asked...)...)
	if err != nil {
		return nil, err
	}
	if m.pinned[toolchain] != "" {
		latest, err := m.list(ctx, toolchain+"@latest")
		if err != nil {
			return nil, err
		}
		for _, l := range latest {
			if version.Compare(l.Version, m.pinned[toolchain]) > 0 {
				l.Update = &struct{ Version string }{l.Version}
			}
			answers = append(answers, l)
		}
	}
	var pins []pin
	for _, l := range answers {
		p := pin{name: l.Path, pinned: m.pinned[l.Path], where: m.file}
		switch {
		case l.Error != nil:
			p.err = errors.New(l.Error.Err)
		case l.Update != nil:
			p.newest, p.behind = l.Update.Version, true
		}
		pins = append(pins, p)
	}
	return pins, nil
}

// list returns what `go list -m` says. What it cannot find out about a module is an Error of that one.
func (m modules) list(ctx context.Context, args ...string) ([]listed, error) {
	out, err := m.command(ctx, append([]string{"list", "-m", "-e", "-json"}, args...)...)
	if err != nil {
		return nil, err
	}
	var all []listed
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var l listed
		if err := dec.Decode(&l); errors.Is(err, io.EOF) {
			return all, nil
		} else if err != nil {
			return nil, fmt.Errorf("reading what go list says: %w", err)
		}
		all = append(all, l)
	}
}

// move asks for the newest versions of some modules. What is written of the lifecycle's version elsewhere follows.
func (m modules) move(ctx context.Context, out io.Writer, names []string) error {
	get := []string{"get"}
	for _, name := range names {
		get = append(get, name+"@latest")
	}
	steps := [][]string{get, {"mod", "tidy"}}
	if filepath.ToSlash(filepath.Dir(m.file)) == "builder/lifecycle" {
		steps = append(steps, []string{"test", "./...", "-update"})
	}
	fmt.Fprintln(out, m.file+":")
	for _, step := range steps {
		said, err := m.command(ctx, step...)
		if err != nil {
			return err
		}
		_, _ = out.Write(said) // of no use if nobody reads it
	}
	return nil
}

// command runs the Go command in the module's folder and returns what it prints.
func (m modules) command(ctx context.Context, args ...string) ([]byte, error) {
	var complaint bytes.Buffer
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir, cmd.Stderr = filepath.Dir(m.file), &complaint
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go %s: %w: %s", strings.Join(args[:min(2, len(args))], " "), err, strings.TrimSpace(complaint.String()))
	}
	return out, nil
}

func sortedKeys(pinned map[string]string) []string { return slices.Sorted(maps.Keys(pinned)) }
