package tools

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/tree"
	"github.com/strata-buildpacks/strata/buildpacks/node"
)

// openNode gives the build Node.js where it wants one: as programs in PATH, and in the folders in which a plugin would put the one that it
// downloads.
func (b *builder) openNode(ctx context.Context) error {
	n := b.project.Node
	if !n.Wanted {
		return nil
	}
	if n.Other != "" {
		return fault.Fault{ID: "java-node-goal", What: "the goal " + n.Other + " downloads what nothing vouches for",
			Do: "use install-node-and-npm or install-node-and-yarn, which this build stands in for; npm can fetch others by package.json"}
	}
	h, err := node.OpenHelper(ctx, b.Workspace, b.inCache("tools"), n.Ask)
	if err != nil {
		return err
	}
	b.Log.Decision("Node.js", h.Version, n.Ask.From)
	bin := filepath.Join(b.home, "bin")
	scripts := map[string]string{
		"node": "", "npm": filepath.Join(h.NPM, "bin", "npm-cli.js"), "npx": filepath.Join(h.NPM, "bin", "npx-cli.js"),
		"yarn": filepath.Join(h.Yarn, "bin", "yarn.js"),
	}
	if err := os.Mkdir(bin, 0o755); err != nil {
		return err
	}
	for name, file := range scripts {
		text := "#!/bin/sh\nexec '" + filepath.Join(h.Node, "bin", "node") + "'"
		if file != "" {
			text += " '" + file + "'"
		}
		if err := os.WriteFile(filepath.Join(bin, name), []byte(text+" \"$@\"\n"), 0o755); err != nil {
			return err
		}
	}
	for _, folder := range n.Folders {
		for name, target := range map[string]string{
			"node": filepath.Join(h.Node, "bin", "node"), "node_modules/npm": h.NPM, "yarn/dist": h.Yarn,
		} {
			if err := b.place(filepath.Join(folder, "node", name), target); err != nil {
				return fmt.Errorf("placing Node.js for a plugin: %w", err)
			}
		}
	}
	return nil
}

// place makes a link in the app's folder, in place of what is there. It follows no link that leads out.
func (b *builder) place(name, target string) error {
	root, err := os.OpenRoot(b.AppDir)
	if err != nil {
		return err
	}
	defer root.Close()
	if err := root.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	if _, err := root.Lstat(name); err == nil {
		if err := tree.Remove(filepath.Join(b.AppDir, name)); err != nil {
			return err
		}
	}
	return root.Symlink(target, name)
}

// nodeOptions returns the options that keep plugins from downloading Node.js, as the build has it.
func (b *builder) nodeOptions() []string {
	if len(b.project.Node.Folders) == 0 {
		return nil
	}
	return []string{"-Dskip.installnodenpm", "-Dskip.installyarn"}
}
