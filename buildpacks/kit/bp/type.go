package bp

import (
	"fmt"
	"regexp"
)

// files matches what a process type may be (Buildpack API, "launch.toml") if it is to be the name of a file.
var files = regexp.MustCompile(`^[A-Za-z0-9._-]{1,255}$`)

// CheckType returns what is wrong with a process type. The lifecycle makes the link /cnb/process/TYPE of it, and variables for one
// process are in a folder of that name.
func CheckType(name string) error {
	if files.MatchString(name) && name != "." && name != ".." {
		return nil
	}
	return fmt.Errorf(`the process name %.40q cannot be a file's in the image: that has 1 to 255 letters, digits, ".", "_" and "-", `+
		`and is neither "." nor ".."`, name)
}
