package procfile

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/argv"
	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/layer"
)

type settings struct {
	Default string `config:"BP_PROCFILE_DEFAULT_PROCESS"`
}

func build(ctx context.Context, in bp.BuildContext) (bp.BuildResult, error) {
	var s settings
	if err := in.Config.Decode(&s); err != nil {
		return bp.BuildResult{}, err
	}
	data, err := os.ReadFile(filepath.Join(in.AppDir, fileName))
	if err != nil {
		return bp.BuildResult{}, fmt.Errorf("reading Procfile: %w", err)
	}
	processes, err := parse(string(data))
	if err != nil {
		return bp.BuildResult{}, err
	}
	processes = slices.DeleteFunc(processes, func(p process) bool {
		if p.Type == "web" && argv.Script(p.Command) != "" {
			in.Log.Bullet("Process web is a script of package.json, which is started without %s", p.Command[0])
			return true
		}
		if slices.Contains(argv.Managers, p.Command[0]) {
			in.Log.Warn("process %s starts %s, which run images do not have", p.Type, p.Command[0])
		}
		return false
	})
	if err := setDefault(in, processes, s.Default); err != nil {
		return bp.BuildResult{}, err
	}
	in.Log.Heading("Process types")
	var result bp.BuildResult
	for _, p := range processes {
		result.Processes = append(result.Processes, p.Process)
		why := ""
		if p.Default {
			why = "default"
		}
		in.Log.Decision(p.Type, display(p.Command), why)
		for _, name := range slices.Sorted(maps.Keys(p.variables)) {
			in.Log.Bullet("  with %s=%s", name, p.variables[name])
		}
	}
	return result, setVariables(ctx, in, processes)
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

// setDefault marks the process that starts when none is named. Another buildpack may give that one, so a Procfile
// without it is right, unless the user named it.
func setDefault(in bp.BuildContext, processes []process, name string) error {
	for i := range processes {
		if processes[i].Type == name {
			processes[i].Default = true
			return nil
		}
	}
	_, set, err := in.Config.Lookup("BP_PROCFILE_DEFAULT_PROCESS")
	if err != nil || !set {
		return err
	}
	return fault.Fault{
		ID:   "procfile-default-unknown",
		What: fmt.Sprintf("BP_PROCFILE_DEFAULT_PROCESS is %q, which the Procfile does not have", name),
		Do:   "name one of its process types",
	}
}

// display returns the words of a command in one line, quoted where that tells them apart.
func display(argv []string) string {
	words := make([]string, 0, len(argv))
	for _, word := range argv {
		if word == "" || strings.ContainsAny(word, " \t\"'") {
			word = strconv.Quote(word)
		}
		words = append(words, word)
	}
	return strings.Join(words, " ")
}
