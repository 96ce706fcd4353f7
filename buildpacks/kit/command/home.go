package command

import (
	"fmt"
	"os"
)

// Home makes an empty folder as the HOME of the tools of a build, and returns it with a function that removes it. What cannot be removed,
// such as what a tool made read-only, is below the temporary folder, which ends with the build too.
func Home() (dir string, remove func(), err error) {
	dir, err = os.MkdirTemp("", "strata-home-")
	if err != nil {
		return "", nil, fmt.Errorf("making a home for the tools of the build: %w", err)
	}
	return dir, func() { _ = os.RemoveAll(dir) }, nil
}
