package golang

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
	"github.com/strata-buildpacks/strata/buildpacks/kit/launchhelper"
)

// Detect takes part in apps that have a go.work or go.mod at their root or name their modules in BP_GO_WORK_USE. Go files alone do where
// no other language may be meant.
func Detect(_ context.Context, in bp.DetectContext) (bp.DetectResult, error) {
	plan := bp.Plan{
		Provides: []string{"go"},
		Requires: append([]bp.Entry{bp.Tools("go", tools(in)...)}, launchhelper.RequiredToReload(in.Config)...),
	}
	if use, set, err := in.Config.Lookup("BP_GO_WORK_USE"); err != nil {
		return bp.DetectResult{}, err
	} else if set {
		return bp.Pass("BP_GO_WORK_USE is "+use, plan), nil
	}
	for _, name := range []string{"go.work", "go.mod"} {
		info, err := os.Stat(filepath.Join(in.AppDir, name))
		if err == nil && info.Mode().IsRegular() {
			return bp.Pass(name+" found", plan), nil
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return bp.DetectResult{}, fmt.Errorf("looking for %s: %w", name, err)
		}
	}
	if loose, err := bareFile(in.AppDir); err != nil {
		return bp.DetectResult{}, err
	} else if loose != "" {
		if _, err := os.Stat(filepath.Join(in.AppDir, "package.json")); err == nil {
			return bp.Fail(loose + " found, but no go.mod or go.work; make one with go mod init"), nil
		}
		return bp.Pass(loose+" found, without go.mod", plan), nil
	}
	below, err := nested(in.AppDir, nil)
	if err != nil {
		return bp.DetectResult{}, err
	}
	if len(below) > 0 {
		use := list(below[:1])
		return bp.Fail(fmt.Sprintf("no go.mod or go.work, but %s/go.mod; build that folder, or set BP_GO_WORK_USE=%s", below[0], use)), nil
	}
	return bp.Fail("no go.mod or go.work"), nil
}

// bareFile returns a Go file of an app without go.mod, at its root or in cmd, "" when there is none.
func bareFile(dir string) (string, error) {
	for _, pattern := range []string{"*.go", "cmd/*.go", "cmd/*/*.go"} {
		files, err := fs.Glob(os.DirFS(dir), pattern)
		if err != nil {
			return "", fmt.Errorf("looking for Go files: %w", err)
		}
		if len(files) > 0 {
			return files[0], nil
		}
	}
	return "", nil
}
