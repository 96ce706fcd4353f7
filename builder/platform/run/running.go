package run

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/strata-buildpacks/strata/builder/platform/home"
	"github.com/strata-buildpacks/strata/builder/platform/imagename"
	"github.com/strata-buildpacks/strata/builder/platform/sandbox"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

// Running returns the first process of an image that Image started and that has not ended. Of several, a number of a process says which
// one; it is 0 where none is named.
func Running(h *home.Home, image string, pid int) (sandbox.Process, error) {
	wanted, err := imagename.Parse(image)
	if err != nil {
		return sandbox.Process{}, err
	}
	runs, err := h.Runs()
	if err != nil {
		return sandbox.Process{}, err
	}
	var found []sandbox.Process
	var numbers []string
	for _, one := range runs {
		first := sandbox.Process{PID: one.PID, Began: one.Began}
		if name, err := imagename.Parse(one.Image); err != nil || name.Name() != wanted.Name() || !first.Runs() {
			continue
		}
		if one.PID == pid {
			return first, nil
		}
		found, numbers = append(found, first), append(numbers, strconv.Itoa(one.PID))
	}
	switch {
	case len(found) == 0:
		return sandbox.Process{}, fault.Fault{
			ID: "run-none", What: "no `strata run` of " + image + " is there", Do: "start it in another terminal, or leave --join out",
		}
	case pid != 0 || len(found) > 1:
		what := fmt.Sprintf("%s was started %d times, by none as process %d", image, len(found), pid)
		if pid == 0 {
			what = fmt.Sprintf("%s was started %d times", image, len(found))
		}
		return sandbox.Process{}, fault.Fault{ID: "run-several", What: what, Do: "name one with --join=: " + strings.Join(numbers, ", ")}
	}
	return found[0], nil
}
