package allocator

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
	"github.com/strata-buildpacks/strata/buildpacks/kit/command"
	"github.com/strata-buildpacks/strata/buildpacks/kit/config"
	"github.com/strata-buildpacks/strata/buildpacks/kit/elf"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/launchhelper"
)

// prove has the loader load the program of each process with the library before all others. The loader warns of a library that it
// cannot load and goes on, so its list of what it has loaded is what counts. The process web and the default one
// must load it. A program that cannot be looked at is named.
func prove(ctx context.Context, in bp.BuildContext, allocator, library string) error {
	processes, err := in.Launched()
	if err != nil {
		return err
	}
	proved := map[string]string{} // what is wrong with programs, by their paths
	for _, p := range processes {
		for _, name := range programs(p.Command) {
			program := find(in, p.WorkingDir, name)
			if program == "" {
				in.Log.Warn("process %s starts %s, which a reused layer may have: that it loads the allocator is not proved", p.Type, name)
				continue
			}
			why, known := proved[program]
			if !known {
				if why, err = loads(ctx, in, program, library); err != nil {
					return err
				}
				proved[program] = why
			}
			switch {
			case why == "":
				in.Log.Bullet("process %s: %s loads it", p.Type, program)
			case p.Default || p.Type == "web":
				what := fmt.Sprintf("%s is %s, and process %s starts %s, %s", variable, allocator, p.Type, program, why)
				return fault.Fault{ID: "allocator-program", What: what, Do: "remove the variable"}
			default:
				in.Log.Bullet("process %s: %s does not, %s", p.Type, program, why)
			}
		}
	}
	return nil
}

// programs returns the programs that the command of a process starts, except those of the launch helper.
func programs(words []string) []string {
	var names []string
	for _, one := range launchhelper.Commands(words) {
		if len(one.Words) == 0 {
			continue
		}
		if name, ok := one.Words[0].Literal(); ok {
			names = append(names, name)
		}
	}
	return names
}

// find returns the path of the ELF file that a program is or that interprets it, "" for one that is not there.
func find(in bp.BuildContext, dir, name string) string {
	if dir == "" {
		dir = in.AppDir
	}
	for range 4 { // as many interpreters as the kernel follows
		file := locate(in, dir, name)
		if file == "" {
			return ""
		}
		interpreter := interpreterOf(file)
		if interpreter == "" {
			return file
		}
		name = interpreter
	}
	return ""
}

// locate returns the path of a program, for which the launcher looks in the folders bin of layers.
func locate(in bp.BuildContext, dir, name string) string {
	var files []string
	if strings.Contains(name, "/") {
		if !filepath.IsAbs(name) {
			name = filepath.Join(dir, name)
		}
		files = []string{name}
	} else {
		found, err := filepath.Glob(filepath.Join(filepath.Dir(in.Layers.Path()), "*", "*", "bin", name))
		if err != nil {
			return "" // a name with a bracket
		}
		files = append(found, filepath.Join(in.AppDir, name))
	}
	for _, file := range files {
		if info, err := os.Stat(file); err == nil && info.Mode().IsRegular() {
			return file
		}
	}
	return ""
}

// interpreterOf returns what a script's first line starts, "" for other files.
func interpreterOf(file string) string {
	f, err := os.Open(file)
	if err != nil {
		return ""
	}
	defer f.Close()
	line, _ := bufio.NewReader(f).ReadString('\n') // a file may end before
	rest, script := strings.CutPrefix(line, "#!")
	words := strings.Fields(rest)
	if !script || len(words) == 0 {
		return ""
	}
	if filepath.Base(words[0]) == "env" {
		words = slices.DeleteFunc(words[1:], func(word string) bool { return strings.HasPrefix(word, "-") || strings.Contains(word, "=") })
		if len(words) == 0 {
			return ""
		}
	}
	return words[0]
}

// loads returns why a program does not load the library, "" if it does. The loader ends before the program begins.
func loads(ctx context.Context, in bp.BuildContext, program, library string) (why string, err error) {
	file, ok, err := elf.Read(program)
	switch {
	case err != nil:
		return "", err
	case !ok:
		return "which is no program that a loader loads", nil
	case file.Interpreter == "":
		return "which is static: nothing is loaded into it; one of Go has an allocator of its own", nil
	case strings.Contains(file.Interpreter, "ld-musl-"):
		return "which is linked against musl, and the library is for glibc", nil
	}
	folders, err := filepath.Glob(filepath.Join(filepath.Dir(in.Layers.Path()), "*", "*", "lib"))
	if err != nil {
		return "", err
	}
	list, err := command.Output(ctx, command.Command{Path: program, Dir: in.AppDir, Log: in.Log, Silent: true, Env: config.Environment{
		"LD_PRELOAD": library, "LD_TRACE_LOADED_OBJECTS": "1", "LD_LIBRARY_PATH": strings.Join(folders, ":"),
	}.List()})
	if err != nil {
		return "", err
	}
	if !strings.Contains(string(list), library+" (0x") {
		return "and the loader does not load " + library + " into it", nil
	}
	return "", nil
}
