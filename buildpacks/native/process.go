package native

import (
	"cmp"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/layer"
	"github.com/strata-buildpacks/strata/buildpacks/kit/procfile"
	"github.com/strata-buildpacks/strata/buildpacks/kit/spelling"
)

// processes returns a process for each program of the layer. The default one is what BP_NATIVE_START says, or else the only program.
func (b build) processes(l *layer.Layer) ([]bp.Process, error) {
	names := l.Contents.Programs
	var list []bp.Process
	for _, name := range names {
		if bp.CheckType(name) == nil {
			list = append(list, bp.Process{Type: name, Command: []string{filepath.Join(l.Path, "bin", name)}})
		}
	}
	web := slices.IndexFunc(list, func(p bp.Process) bool { return p.Type == "web" })
	command := b.Start
	switch {
	case len(names) == 0:
		return nil, fault.Fault{ID: "native-nothing", What: b.file + " installs no program",
			Do: "name the target that builds one in BP_NATIVE_MAKE_FLAGS, or what configures it in BP_NATIVE_CONFIGURE_FLAGS"}
	case len(command) > 0 && !slices.Contains(names, command[0]):
		near := cmp.Or(spelling.Nearest(command[0], names), few(names))
		return nil, fault.Fault{ID: "native-start", Do: "name one that is: " + near,
			What: fmt.Sprintf("BP_NATIVE_START names %q, which is no program that is installed", command[0])}
	case len(command) == 0 && web >= 0:
		list[web].Default = true
		return list, nil
	case len(command) == 0 && len(names) == 1:
		command = names
	case len(command) == 0:
		asked, err := procfile.Read(b.AppDir)
		if err == nil && !slices.ContainsFunc(asked, func(p procfile.Process) bool { return p.Type == "web" }) {
			b.Log.Warn("there are several programs, and no process web: %s; name one of them in BP_NATIVE_START, or write a Procfile", few(names))
		}
		return list, nil // strata/procfile says what is wrong with one
	}
	if web >= 0 {
		list = slices.Delete(list, web, web+1)
	}
	b.Log.Decision("Starts", strings.Join(command, " "), "process web")
	start := bp.Process{Type: "web", Command: append([]string{filepath.Join(l.Path, "bin", command[0])}, command[1:]...), Default: true}
	return append(list, start), nil
}
