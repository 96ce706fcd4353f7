package layer

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// special are the bits that make a program run as its owner, and new files belong to the group of their folder.
const special = fs.ModeSetuid | fs.ModeSetgid | fs.ModeSticky

// clearSpecial clears the special bits of a layer's files and folders, and of the folder that holds the layers. kpack makes all
// layers in a folder with setgid, which folders in it inherit, and images must not depend on the platform. A package's program
// with setuid would run as the user of the build.
func (d *Dir) clearSpecial(l *Layer) error {
	if err := clearBits(d.path); err != nil {
		return err
	}
	return filepath.WalkDir(l.Path, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.IsDir() && !entry.Type().IsRegular() {
			return err
		}
		return clearBits(path)
	})
}

func clearBits(path string) error {
	info, err := os.Lstat(path)
	if err == nil && info.Mode()&special != 0 {
		err = os.Chmod(path, info.Mode().Perm())
	}
	if err != nil {
		return fmt.Errorf("settling the mode of %s: %w", path, err)
	}
	return nil
}
