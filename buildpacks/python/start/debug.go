package start

import (
	_ "embed"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

// Debugger is a file sitecustomize.py, which Python runs first: it lets a debugger attach when BPL_DEBUG_ENABLED is set at launch.
//
//go:embed debug.py
var Debugger []byte

// CheckDebugger refuses an app that a debugger is to attach to and that lacks what lets it.
func (a App) CheckDebugger() error {
	if a.Installed("debugpy") {
		return nil
	}
	return fault.Fault{ID: "python-debug", What: "BP_DEBUG_ENABLED is on, and debugpy is not among the packages",
		Do: a.Project.Adding("debugpy") + ", or leave the variable off"}
}
