package linkage

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/report"
)

type settings struct {
	Ignore []string `config:"BP_LINKAGE_IGNORE,list"`
}

// finding is a file that cannot be used on the run image.
type finding struct {
	path  string
	needs string // what the run image does not have
	do    string
}

func build(ctx context.Context, in bp.BuildContext) (bp.BuildResult, error) {
	var s settings
	if err := in.Config.Decode(&s); err != nil {
		return bp.BuildResult{}, err
	}
	libc, because := in.Target.Libc()
	in.Log.Heading("Checking programs and libraries")
	in.Log.Decision("Run image", fmt.Sprintf("%s on %s", libc, in.Target.Arch), because)

	folders, err := launchLayers(filepath.Dir(in.Layers.Path()))
	if err != nil {
		return bp.BuildResult{}, err
	}
	rules := rulesFor(in.Target)
	checked := 0
	var findings []finding
	for _, folder := range append(folders, in.AppDir) {
		files, err := elfFiles(ctx, folder, s.Ignore)
		if err != nil {
			return bp.BuildResult{}, err
		}
		checked += len(files)
		for _, file := range files {
			if needs, do := rules.check(file); needs != "" {
				findings = append(findings, finding{file.path, needs, do})
			}
		}
	}
	if len(findings) > 0 {
		return bp.BuildResult{}, refuse(in.Log, findings, libc)
	}
	in.Log.Bullet("%d checked: %s", checked, rules.proved())
	return bp.BuildResult{}, nil
}

// refuse writes the table of findings and returns the fault that sums it up.
func refuse(log *report.Log, findings []finding, libc bp.Libc) error {
	log.Heading("These cannot start on the run image")
	for _, f := range findings {
		log.Bullet("%s", f.path)
		log.Bullet("  needs  %s", f.needs)
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
