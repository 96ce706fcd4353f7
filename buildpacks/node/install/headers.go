package install

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"

	"github.com/strata-buildpacks/strata/buildpacks/kit/tree"
)

// objectWrap is the header of node::ObjectWrap, on which addons without Node-API build their classes.
const objectWrap = "node_object_wrap.h"

// cleanupHook matches the lines with which an ObjectWrap tells the environment that it is there and that it is gone. From Node.js
// 24.19 and 26.4 on it has them. The garbage collector deletes an object where there may be no environment, and then the second line
// ends the process: nodejs/node#65446. Without both, an addon is what older headers make of it.
var cleanupHook = regexp.MustCompile(`(?m)^[ \t]*(Add|Remove)CleanupHook\(\);[ \t]*\n`)

// headers returns a folder with the headers of Node.js as addons are compiled with: links to those of a release, and an ObjectWrap
// that has no cleanup hook.
func (i *Installer) headers(node string) (string, error) {
	inner := filepath.Join("include", "node")
	from, dir := filepath.Join(node, inner), filepath.Join(i.home, "headers")
	err := func() error {
		entries, err := os.ReadDir(from)
		if err == nil {
			err = os.MkdirAll(filepath.Join(dir, inner), 0o755)
		}
		for _, entry := range entries {
			if err == nil && entry.Name() != objectWrap {
				err = os.Symlink(filepath.Join(from, entry.Name()), filepath.Join(dir, inner, entry.Name()))
			}
			if errors.Is(err, fs.ErrExist) { // of the job before
				err = nil
			}
		}
		if err != nil {
			return err
		}
		header, err := tree.ReadFile(filepath.Join(from, objectWrap))
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(dir, inner, objectWrap), cleanupHook.ReplaceAll(header, nil), 0o644)
	}()
	if err != nil {
		return "", fmt.Errorf("preparing the headers of Node.js: %w", err)
	}
	return dir, nil
}
