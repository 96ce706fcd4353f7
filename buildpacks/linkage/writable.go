package linkage

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/report"
)

// openFolders lets processes write to folders of the app, and makes those that are not there. The build's user owns the app's
// files in an image and a process has another one, but both are of one group (Platform API, "Run Image"). This is the last
// buildpack, so what earlier ones removed or made is settled, and none settles the modes again.
func openFolders(app string, names []string, log *report.Log) error {
	if len(names) == 0 {
		return nil
	}
	root, err := os.OpenRoot(app)
	if err != nil {
		return fmt.Errorf("opening the app's folder: %w", err)
	}
	defer root.Close()
	log.Heading("Folders that processes may write to")
	for _, name := range names {
		files, err := openFolder(root, name)
		if err != nil {
			return err
		}
		log.Decision(path.Clean(filepath.ToSlash(name)), fmt.Sprintf("%d files", files), "")
	}
	return nil
}

// openFolder opens one folder with all that is in it, and returns how many files these are. Links stay as they are.
func openFolder(root *os.Root, name string) (files int, err error) {
	clean := path.Clean(filepath.ToSlash(name))
	wrong := func(why string) error {
		return fault.Fault{
			ID: "writable-folder", What: fmt.Sprintf("BP_WRITABLE_FOLDERS names %q, which %s", name, why),
			Do: "name folders of the app by paths relative to it, such as data:public/uploads",
		}
	}
	if !filepath.IsLocal(clean) {
		return 0, wrong("is outside the app")
	}
	if info, err := root.Lstat(clean); err == nil && !info.IsDir() {
		return 0, wrong("is a file or a link")
	}
	if err := root.MkdirAll(clean, 0o755); err != nil {
		if errors.Is(err, fs.ErrPermission) {
			return 0, fmt.Errorf("making %s: %w", name, err)
		}
		return 0, wrong("lies below a file, or a link that leads out of the app")
	}
	err = fs.WalkDir(root.FS(), clean, func(file string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.IsDir() && !entry.Type().IsRegular() {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		if !entry.IsDir() {
			files++
		}
		return root.Chmod(file, info.Mode().Perm()|0o060)
	})
	if err != nil {
		return files, fmt.Errorf("opening %s to processes: %w", name, err)
	}
	return files, nil
}
