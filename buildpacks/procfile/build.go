package procfile

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/launchhelper"
	"github.com/strata-buildpacks/strata/buildpacks/kit/layer"
	"github.com/strata-buildpacks/strata/buildpacks/kit/procfile"
	"github.com/strata-buildpacks/strata/buildpacks/kit/report"
	"github.com/strata-buildpacks/strata/buildpacks/kit/shell"
)

type settings struct {
	Default string `config:"BP_PROCFILE_DEFAULT_PROCESS"`
}

// process is a process type of the image, and the variables that it sets for its program.
type process struct {
	bp.Process
	list      shell.List
	variables map[string]string
}

func build(ctx context.Context, in bp.BuildContext) (bp.BuildResult, error) {
	var s settings
	if err := in.Config.Decode(&s); err != nil {
		return bp.BuildResult{}, err
	}
	all, err := procfile.Read(in.AppDir)
	if err != nil {
		return bp.BuildResult{}, err
	}
	if len(all) == 0 {
		return bp.BuildResult{}, fault.Internal("the Procfile that detection found is gone")
	}
	if err := checkDefault(in, all, s.Default); err != nil {
		return bp.BuildResult{}, err
	}
	asked, err := procfile.Asked(in)
	if err != nil {
		return bp.BuildResult{}, err
	}
	launched, err := in.Launched()
	if err != nil {
		return bp.BuildResult{}, err
	}
	processes, err := read(in, asked, s.Default, launched)
	if err != nil {
		return bp.BuildResult{}, err
	}
	describe(in.Log, all, processes)
	var result bp.BuildResult
	for _, p := range processes {
		result.Processes = append(result.Processes, p.Process)
	}
	return result, setVariables(ctx, in, processes)
}

// checkDefault refuses a default process that is named and that the Procfile does not have. When none is named, the
// default may be the process of another buildpack.
func checkDefault(in bp.BuildContext, all []procfile.Process, name string) error {
	_, set, err := in.Config.Lookup("BP_PROCFILE_DEFAULT_PROCESS")
	if err != nil || !set || slices.ContainsFunc(all, func(p procfile.Process) bool { return p.Type == name }) {
		return err
	}
	return fault.Fault{
		ID:   "procfile-default-unknown",
		What: fmt.Sprintf("BP_PROCFILE_DEFAULT_PROCESS is %q, which the Procfile does not have", name),
		Do:   "name one of its process types",
	}
}

// read returns the process types that this buildpack is asked for. Some programs are those that buildpacks before it start.
func read(in bp.BuildContext, asked []procfile.Process, defaultType string, launched []bp.Launched) ([]process, error) {
	var processes []process
	for _, p := range asked {
		list, err := p.List()
		if err != nil {
			return nil, err
		}
		for i, c := range list {
			if program, literal := c.Words[0].Literal(); literal {
				list[i].Words[0] = shell.Quote(built(shell.Within(in.AppDir, c.Dir), launched, program))
			}
		}
		one := process{list: list, Process: bp.Process{
			Type: p.Type, Default: p.Type == defaultType, From: fmt.Sprintf("%s line %d", procfile.Name, p.Line),
		}}
		simple, _ := list.Simple()
		one.Command, one.variables = launchhelper.Run(in, list), simple.Variables
		if list[0].Dir != "" {
			one.WorkingDir = shell.Within(in.AppDir, list[0].Dir)
			if strings.Contains(one.Command[0], "/") { // the launcher looks for it before it enters the folder
				one.Command[0] = shell.Within(one.WorkingDir, one.Command[0])
			}
		}
		processes = append(processes, one)
	}
	return processes, nil
}

// built returns the program that the first word of a command means. NAME, in the command's folder or in its folder bin, is where other
// platforms leave what they compile. Where there is no such file, it is the program of that name that a buildpack before starts.
func built(dir string, launched []bp.Launched, word string) string {
	name := path.Base(word)
	if clean := path.Clean(word); !strings.Contains(word, "/") || clean != name && clean != path.Join("bin", name) {
		return word
	}
	if _, err := os.Lstat(filepath.Join(dir, word)); err == nil {
		return word
	}
	for _, p := range launched {
		if len(p.Command) > 0 && filepath.IsAbs(p.Command[0]) && filepath.Base(p.Command[0]) == name {
			return p.Command[0]
		}
	}
	return word
}

// describe prints which processes there are, and which another buildpack starts.
func describe(log *report.Log, all []procfile.Process, processes []process) {
	for _, p := range all {
		if !slices.ContainsFunc(processes, func(own process) bool { return own.Type == p.Type }) {
			log.Bullet("Process %s is started by another buildpack", p.Type)
		}
	}
	if len(processes) > 0 {
		log.Heading("Process types")
	}
	for _, p := range processes {
		why := ""
		if p.Default {
			why = "default"
		}
		words := p.Command
		if _, simple := p.list.Simple(); !simple {
			words = p.list.Args()
		}
		log.Decision(p.Type, display(words), why)
		if p.WorkingDir != "" {
			log.Bullet("  in %s", p.list[0].Dir)
		}
		for _, name := range slices.Sorted(maps.Keys(p.variables)) {
			log.Bullet("  with %s=%s", name, p.variables[name])
		}
	}
}

// setVariables makes the layer with the variables that processes set for their programs.
func setVariables(ctx context.Context, in bp.BuildContext, processes []process) error {
	all := map[string]map[string]string{}
	for _, p := range processes {
		if len(p.variables) > 0 {
			all[p.Type] = p.variables
		}
	}
	if len(all) == 0 {
		return nil
	}
	_, err := in.Layers.Contribute(ctx, layer.Request{
		Name: "variables", Flags: layer.Flags{Launch: true}, Key: all,
		Fill: func(_ context.Context, l *layer.Layer) error {
			for process, variables := range all {
				for name, value := range variables {
					l.LaunchEnv.OverrideIn(process, name, value)
				}
			}
			return nil
		},
	})
	return err
}

// display returns the words of a command in one line, quoted where that tells them apart.
func display(argv []string) string {
	words := make([]string, 0, len(argv))
	for _, word := range argv {
		if word == "" || strings.ContainsAny(word, " \t") {
			word = strconv.Quote(word)
		}
		words = append(words, word)
	}
	return strings.Join(words, " ")
}
