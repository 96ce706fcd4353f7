package bp

import (
	"fmt"
	"strings"
)

// CheckType returns what is wrong with a process type. The lifecycle makes the link /cnb/process/TYPE of it, and variables for one
// process are in a folder of that name.
func CheckType(name string) error {
	if name != "" && len(name) <= 255 && !strings.ContainsFunc(name, notInFiles) && name != "." && name != ".." {
		return nil
	}
	return fmt.Errorf(`the process name %.40q cannot be a file's in the image: that has 1 to 255 letters, digits, ".", "_" and "-", `+
		`and is neither "." nor ".."`, name)
}

func notInFiles(r rune) bool {
	return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '.' && r != '_' && r != '-'
}
