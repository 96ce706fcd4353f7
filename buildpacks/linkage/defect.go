package linkage

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
	"github.com/strata-buildpacks/strata/buildpacks/kit/elf"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

// remedies say what makes a file have a defect no more.
var remedies = map[string]string{
	elf.ExecStack: "link it without -z execstack, and give its assembler files the section .note.GNU-stack",
	elf.TextRel:   "compile all of it with -fPIE, or -fPIC for a library",
	elf.WriteExec: "link it without -N and without a linker script that puts code and data together",
}

// checkDefects says in the log how compiled files are hardened, and stops the build if a file that it made lets an attacker run what he
// writes. What packages and the app bring along is named in the log.
func checkDefects(in bp.BuildContext, r rules, seen seen) error {
	log := in.Log
	tellStacks(log, r, seen)
	if err := tellHardening(log, filepath.Dir(in.Layers.Path()), seen.files); err != nil {
		return err
	}
	var made []elfFile
	for _, file := range seen.files {
		names := file.Faults()
		switch {
		case len(names) == 0:
		case brought(file.path, in.AppDir):
			log.Warn("%s has: %s; it was compiled elsewhere", file.path, strings.Join(names, ", "))
		default:
			made = append(made, file)
		}
	}
	if len(made) == 0 {
		return nil
	}
	log.Heading("These let an attacker run what he writes")
	for _, file := range made {
		log.Bullet("%s", file.path)
		for _, name := range file.Faults() {
			log.Bullet("  has  %s", name)
			log.Bullet("  do   %s", remedies[name])
		}
	}
	first := made[0].Faults()
	what := fmt.Sprintf("%s has: %s", made[0].path, strings.Join(first, ", "))
	if more := len(made) - 1; more > 0 {
		what += fmt.Sprintf(" (and %d more files have such)", more)
	}
	return fault.Fault{ID: "linkage-defect", What: what, Do: remedies[first[0]] + ", or name it in BP_LINKAGE_IGNORE"}
}

// brought reports whether a file may have been compiled before the build.
func brought(path, app string) bool {
	return below(path, app) || strings.Contains(path, "/node_modules/") || strings.Contains(path, "/site-packages/")
}
