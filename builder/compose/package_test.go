package compose_test

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"github.com/strata-buildpacks/strata/builder/compose"
)

// TestFolders has the files that pack reads, and what each buildpack is a link to. The tiny suite gets one version for it.
func TestFolders(t *testing.T) {
	t.Parallel()
	root := copied(t)
	one := strings.NewReplacer("1.2.3", "0.1.0", "3.0.0", "0.1.0", "0.2.0", "0.1.0")
	for _, folder := range []string{"", "buildpacks/one/", "buildpacks/three/", "buildpacks/choice/"} {
		name := folder + "buildpack.toml"
		if folder == "" {
			name = "builder.toml"
		}
		write(t, root, name, one.Replace(read(t, root, name)))
	}
	dir := filepath.Join(t.TempDir(), "folders")
	builder, err := compose.Read(options(t, root))
	if err != nil {
		t.Fatal(err)
	}
	if err := builder.Folders(t.Context(), env, dir); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	err = filepath.WalkDir(dir, func(file string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		name, err := filepath.Rel(dir, file)
		if err != nil {
			return err
		}
		switch {
		case entry.Type() == fs.ModeSymlink:
			target, err := os.Readlink(file)
			if err != nil {
				return err
			}
			name += " -> " + target
		case path.Ext(file) == ".toml":
			data, err := os.ReadFile(file)
			if err != nil {
				return err
			}
			name += "\n    " + strings.ReplaceAll(strings.TrimSpace(string(data)), "\n", "\n    ")
		}
		fmt.Fprintln(&out, name)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "folders.txt", out.String())
}
