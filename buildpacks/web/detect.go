package web

import (
	"context"
	"os"
	"path/filepath"

	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
)

// index is the file that makes a folder a site.
const index = "index.html"

// plain are the folders that are served of an app without a build. The first that is a site is taken.
var plain = []string{"public", "."}

// detect takes part in apps that are folders of files, and in apps of which another buildpack makes a site.
func detect(_ context.Context, in bp.DetectContext) (bp.DetectResult, error) {
	var s settings
	if err := in.Config.Decode(&s); err != nil {
		return bp.DetectResult{}, err
	}
	if err := s.check(); err != nil {
		return bp.DetectResult{}, err
	}
	if s.built(in.AppDir) {
		return bp.Pass("if a buildpack makes a site", bp.Plan{Requires: []bp.Entry{{Name: site}}}), nil
	}
	folders := plain
	if s.Root != "" {
		folders = []string{s.Root}
	}
	for _, folder := range folders {
		if isFile(filepath.Join(in.AppDir, folder, index)) {
			return bp.Pass(filepath.Join(folder, index) + " found"), nil
		}
	}
	return bp.Fail("no " + filepath.Join(folders[0], index)), nil
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}
