package linkage

import (
	"errors"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/spelling"
)

// Programs that run images do not have.
var (
	shells   = strings.Fields("sh bash ash dash zsh ksh fish busybox")
	builtins = strings.Fields(". : [ alias cd command eval exec exit export read set shift source test trap type ulimit umask unset wait")
	managers = strings.Fields("npm npx pnpm pnpx yarn yarnpkg bunx corepack")
)

// nodes are the suffixes of files that Node.js reads.
var nodes = map[string]bool{".js": true, ".mjs": true, ".cjs": true, ".ts": true}

// unknown is what to do about a program or a file of which nothing is known.
const unknown = "see whether the build makes it, correct its name, or name it in BP_LINKAGE_PROGRAMS if it is there at launch alone"

// absent says what to do about a program that is not in the image.
func (s start) absent(words []string) *problem {
	name, base := words[0], path.Base(words[0])
	what := "starts " + name + ", which the image does not have"
	switch ext := path.Ext(name); {
	case slices.Contains(shells, base):
		return &problem{"starts " + name + ", a shell, and run images have none", instead(words)}
	case ext == ".sh" || ext == ".bash":
		return &problem{"starts " + name + ", a script for a shell, and run images have none",
			"write the program that it starts, with its arguments"}
	case slices.Contains(builtins, name):
		return &problem{"starts with " + name + ", which only a shell has, and run images have none",
			"write the program alone; variables may stand before it: NAME=value program"}
	case slices.Contains(managers, name):
		return &problem{"starts " + name + ", which is there for the build alone", "write what it starts: node and a file of the app"}
	}
	if base == name && s.resolve(s.in(name)).file() {
		return &problem{what + " on PATH", "write " + s.asProgram("./"+name)}
	}
	if strings.Contains(name, "/") {
		if near := s.near(s.in(name)); near != "" {
			return &problem{what, "write " + s.asProgram(near) + ", which is there"}
		}
	}
	names := s.names()
	near := spelling.Nearest(base, names)
	switch {
	case slices.Contains(names, base):
		near = base
	case near == "" && len(names) > 0 && len(names) < 10:
		return &problem{what, "name a program that is there: " + strings.Join(names, ", ")}
	case near == "":
		return &problem{what, unknown}
	}
	return &problem{what, "write " + near + ", which is there"}
}

// instead returns what to write in place of a shell's command.
func instead(words []string) string {
	for i, word := range words[1:] {
		switch {
		case strings.HasPrefix(word, "-") && strings.HasSuffix(word, "c") && i+2 < len(words):
			return "write its command alone: " + words[i+2]
		case !strings.HasPrefix(word, "-"):
			return "write the program that " + word + " starts, with its arguments"
		}
	}
	return "write the program alone"
}

// near returns a file that a misspelt path may stand for: one whose path is spelt alike, or the only one of that name. The path is
// one that a command can have. It returns "" if there is none.
func (s start) near(name string) string {
	at := "/"
	for part := range strings.SplitSeq(strings.TrimPrefix(name, "/"), "/") {
		next := path.Join(at, part)
		if s.resolve(next).place != there {
			names := s.list(at)
			near := spelling.Nearest(part, names)
			k := slices.IndexFunc(names, func(other string) bool { return strings.TrimSuffix(other, path.Ext(other)) == part })
			switch {
			case near != "":
				next = path.Join(at, near)
			case k >= 0:
				next = path.Join(at, names[k])
			default:
				return s.elsewhere(path.Base(name))
			}
		}
		at = next
	}
	if !s.resolve(at).file() {
		return s.elsewhere(path.Base(name))
	}
	return s.relative(at)
}

// maxFiles is how many files of the app are looked at for one of a name.
const maxFiles = 20_000

// errEnough ends a walk.
var errEnough = errors.New("enough files")

// elsewhere returns the only file of the app that has a name, outside of packages.
func (s start) elsewhere(base string) string {
	var all []string
	seen := 0
	err := filepath.WalkDir(s.app, func(name string, entry fs.DirEntry, err error) error {
		if seen++; err != nil || seen > maxFiles {
			return errEnough
		}
		if entry.IsDir() && name != s.app && (entry.Name() == "node_modules" || strings.HasPrefix(entry.Name(), ".")) {
			return fs.SkipDir
		}
		if entry.Type().IsRegular() && entry.Name() == base {
			all = append(all, name)
		}
		return nil
	})
	if err != nil || len(all) != 1 {
		return ""
	}
	return s.relative(all[0])
}

// asProgram returns the path of a file as a command has it for its program, which is looked for in two folders.
func (s start) asProgram(name string) string {
	if s.dir != s.from {
		return s.in(name)
	}
	return name
}

// relative returns a path of the image as a command has it.
func (s start) relative(name string) string {
	within, err := filepath.Rel(s.dir, name)
	switch {
	case err != nil || !filepath.IsLocal(within):
		return name
	case !strings.Contains(within, "/"):
		return "./" + within
	}
	return within
}
