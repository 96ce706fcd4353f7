package linkage

import (
	"context"
	debugelf "debug/elf"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
	"github.com/strata-buildpacks/strata/buildpacks/kit/elf"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/report"
)

type settings struct {
	Ignore    []string `config:"BP_LINKAGE_IGNORE,list"`
	Libraries []string `config:"BP_LINKAGE_LIBRARIES,list"`
	Programs  []string `config:"BP_LINKAGE_PROGRAMS,list"`
	Writable  []string `config:"BP_WRITABLE_FOLDERS,list"`
}

// finding is a file that cannot be used on the run image.
type finding struct {
	path    string
	needs   string // what the run image does not have
	library string // its name if it is one
	from    string // what has it, if that is known
	do      string
}

// lacks returns the finding of a file that needs a library which is nowhere.
func lacks(path, library string) finding {
	return finding{path: path, needs: "the library " + library, library: library,
		do: "put it into the app beside the file, or name it in BP_LINKAGE_LIBRARIES if the run image is one of your own that has it"}
}

func build(ctx context.Context, in bp.BuildContext) (bp.BuildResult, error) {
	var s settings
	if err := in.Config.Decode(&s); err != nil {
		return bp.BuildResult{}, err
	}
	if err := openFolders(in.AppDir, s.Writable, in.Log); err != nil {
		return bp.BuildResult{}, err
	}
	libc, because := in.Target.Libc()
	in.Log.Heading("Checking programs and libraries")
	in.Log.Decision("Run image", fmt.Sprintf("%s on %s", libc, in.Target.Arch), because)

	layers, err := launchLayers(filepath.Dir(in.Layers.Path()))
	if err != nil {
		return bp.BuildResult{}, err
	}
	there := librariesOf(in.Target, s.Libraries)
	seen, err := look(ctx, in.AppDir, layers, s.Ignore, there)
	if err != nil {
		return bp.BuildResult{}, err
	}
	rules := rulesFor(in.Target)
	spare := seen.leave(func(file elfFile) bool { return rules.spare(file, there) })
	gone, err := addBundle(ctx, in, seen, layers, there)
	if err != nil {
		return bp.BuildResult{}, err
	}
	parts := partsOf(seen.files, there)
	findings, unproved := rules.findings(seen, there, parts)
	for _, file := range gone {
		for _, name := range there.missing(file) {
			findings = append(findings, lacks(file.path, name))
		}
	}
	if len(findings) > 0 {
		return bp.BuildResult{}, refuse(in.Log, advise(ctx, in, findings), libc)
	}
	if err := checkDefects(in, rules, seen); err != nil {
		return bp.BuildResult{}, err
	}
	parts.tell(in.Log)
	tellOpened(in.Log, seen, there)
	for _, f := range unproved {
		in.Log.Bullet("%s needs %s, which a layer of the previous image may have", f.path, f.needs)
	}
	if spare > 0 {
		in.Log.Bullet("%d in packages passed over: for other machines, or programs that lack a library", spare)
	}
	in.Log.Bullet("%d checked: %s", len(seen.files), there.proved(len(unproved) == 0))

	processes, err := in.Launched()
	if err != nil {
		return bp.BuildResult{}, err
	}
	return bp.BuildResult{}, checkProcesses(in.Log, imageOf(in, layers, s.Programs), processes)
}

// look returns the programs and libraries of the app and of layers, and adds the libraries to those that are there. Layers that are
// reused from the previous image have no files, but names of libraries.
func look(ctx context.Context, app string, layers []launchLayer, ignore []string, there libraries) (seen, error) {
	var s seen
	folders := []string{app}
	for _, l := range layers {
		if l.there {
			folders = append(folders, l.folder)
		} else {
			s.reused = true
		}
		for _, name := range l.Contents.Libraries {
			there.names[name] = true
		}
	}
	slices.Sort(folders)
	for _, folder := range folders {
		if err := s.read(ctx, folder, ignore, there); err != nil {
			return s, err
		}
	}
	return s, nil
}

// findings returns the files that cannot be used, and those of which that is not proved. The latter need a library that is
// nowhere, but a layer that is reused from the previous image may have it: such a layer has no folder to look at.
func (r rules) findings(seen seen, there libraries, parts parts) (found, unproved []finding) {
	lack := func(path string, names []string) {
		for _, name := range names {
			if f := lacks(path, name); seen.reused {
				unproved = append(unproved, f)
			} else {
				found = append(found, f)
			}
		}
	}
	for _, file := range seen.files {
		if needs, do := r.check(file); needs != "" {
			found = append(found, finding{path: file.path, needs: needs, do: do})
			continue
		}
		if parts.optional[file.path] == nil {
			lack(file.path, there.missing(file))
		}
	}
	for _, o := range seen.openers {
		lack(o.path, there.unopened(o, elf.Required))
	}
	return found, unproved
}

// spare reports whether the app can do without a file of an npm package or a Python package: it is for another machine, it is a program
// that lacks a library, or it is an addon of Node.js that lacks one in a Python package. Packages often hold files for all systems. In an
// image for another machine than the build's, files for the build's may be in the place of those that the app needs.
func (r rules) spare(file elfFile, there libraries) bool {
	python := strings.Contains(file.path, "/site-packages/")
	if !python && !strings.Contains(file.path, "/node_modules/") {
		return false
	}
	if r.built != debugelf.EM_NONE && file.Machine == r.built {
		return false
	}
	if needs, _ := r.check(file); needs != "" && r.libc != bp.Static {
		return true
	}
	foreign := file.Interpreter != "" || python && strings.HasSuffix(file.path, ".node")
	return foreign && len(there.missing(file)) > 0
}

// refuse writes the table of findings and returns the fault that names the first.
func refuse(log *report.Log, findings []finding, libc bp.Libc) error {
	log.Heading("These cannot start on the run image")
	for _, f := range findings {
		log.Bullet("%s", f.path)
		log.Bullet("  needs  %s", f.needs)
		if f.from != "" {
			log.Bullet("  is in  %s", f.from)
		}
		log.Bullet("  do     %s", f.do)
	}
	what := fmt.Sprintf("%s needs %s", findings[0].path, findings[0].needs)
	if more := len(findings) - 1; more > 0 {
		what += fmt.Sprintf(" (and %d more)", more)
	}
	return fault.Fault{
		ID:   "linkage-" + string(libc),
		What: what + ", which the run image does not have",
		Do:   findings[0].do,
	}
}
