package procfile

import (
	"slices"

	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
	"github.com/strata-buildpacks/strata/buildpacks/kit/launchhelper"
)

// Entry returns the name of the process in the build plan. strata/procfile provides and requires an entry for each
// process. A buildpack before it that may start processes of the Procfile in its own way offers them too. It is then the
// first to be asked, and names in BuildResult.Unmet the entries that it leaves to strata/procfile.
func (p Process) Entry() string { return "procfile-" + p.Type }

// faulty is the entry of a Procfile with a fault. The first that is asked for it says the fault.
const faulty = "procfile"

// Plan returns the plan of strata/procfile for the Procfile in the app's folder. A process that is more than a program and its
// arguments needs the launch helper.
func Plan(app string) bp.Plan {
	var plan bp.Plan
	processes, names := entries(app)
	for _, name := range names {
		plan.Provides = append(plan.Provides, name)
		plan.Requires = append(plan.Requires, bp.Entry{Name: name})
	}
	if slices.ContainsFunc(processes, needsHelper) {
		plan.Requires = append(plan.Requires, launchhelper.Required())
	}
	return plan
}

func needsHelper(p Process) bool {
	list, err := p.List()
	_, simple := list.Simple()
	return err == nil && !simple
}

// Offer returns the alternatives of the plan of a buildpack before strata/procfile: one that offers to start the
// processes of the Procfile in the app's folder, and the plan as it is, for a group without strata/procfile.
func Offer(app string, plan bp.Plan) []bp.Plan {
	_, names := entries(app)
	if len(names) == 0 {
		return []bp.Plan{plan}
	}
	offer := plan
	offer.Provides = slices.Concat(plan.Provides, names)
	return []bp.Plan{offer, plan}
}

// entries returns the processes, and their names in the build plan.
func entries(app string) (processes []Process, names []string) {
	processes, err := Read(app)
	if err != nil {
		return nil, []string{faulty} // said at build, where the log is seen
	}
	for _, p := range processes {
		names = append(names, p.Entry())
	}
	return processes, names
}

// Asked returns the processes of the Procfile that the build plan asks this buildpack to start. Each has commands that need no
// shell. In a group without strata/procfile nobody is asked, whatever the file says.
func Asked(in bp.BuildContext) ([]Process, error) {
	all, wrong := Read(in.AppDir)
	_, asksFaulty, err := in.Required(faulty)
	switch {
	case err != nil:
		return nil, err
	case wrong != nil && asksFaulty:
		return nil, wrong
	}
	var asked []Process
	for _, p := range all {
		_, found, err := in.Required(p.Entry())
		if err != nil {
			return nil, err
		}
		if !found {
			continue
		}
		if _, err := p.List(); err != nil {
			return nil, err // before anything is built, whoever starts it in the end
		}
		asked = append(asked, p)
	}
	return asked, nil
}
