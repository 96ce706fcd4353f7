package web

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
	"github.com/strata-buildpacks/strata/buildpacks/kit/gofiles"
)

// index is the file that makes a folder a site.
const index = "index.html"

// plain are the folders that are served of an app without a build. The first that is a site is taken.
var plain = []string{
	"public", ".", "dist", "build", "docs", "htdocs", "public_html", "html", "_site", "site", "www", "web", "static", "src",
}

// programs are files at the root of projects that are programs, or sites that a program makes. Their folders of files are not
// the app.
var programs = []string{
	"go.mod", "pom.xml", "build.gradle", "build.gradle.kts", "Cargo.toml", "pyproject.toml", "requirements.txt", "setup.py", "Pipfile",
	"pylock.toml", "manage.py", "Gemfile", "composer.json",
	"mix.exs", "deno.json", "CMakeLists.txt", "Package.swift", "build.sbt", "_config.yml",
	"hugo.toml", "mkdocs.yml",
}

// servers are those of them that are of a server even beside a front end, which is built for it.
var servers = []string{"pom.xml", "build.gradle", "build.gradle.kts", "build.sbt"}

// detect takes part in apps that are folders of files, and in apps of which another buildpack makes a site.
func detect(_ context.Context, in bp.DetectContext) (bp.DetectResult, error) {
	s, err := read(in.Workspace)
	if err != nil {
		return bp.DetectResult{}, err
	}
	told, err := hear(in.AppDir, s.folders()...)
	if err != nil {
		return bp.DetectResult{}, err
	}
	root, why, err := s.find(in.AppDir, told, plain)
	if err != nil {
		return bp.DetectResult{}, err
	}
	const made = "if a buildpack makes a site"
	other, err := programFile(in.AppDir)
	if err != nil {
		return bp.DetectResult{}, err
	}
	built := s.built(in.AppDir)
	more := other + " found, so the app is more than files; to serve some, set BP_WEB_SERVER_ROOT=" + root
	switch {
	case built && s.Root == "" && slices.Contains(servers, other):
		return bp.Fail(other + " found, so the front end is part of a server; to serve it alone, set BP_WEB_SERVER_ROOT"), nil
	case built && root == "":
		return bp.Pass(made, requires(site)), nil
	case root == "":
		return bp.Fail(why), nil
	case built && other != "" && s.Root == "":
		return bp.Pass(made+"; "+more, requires(site)), nil
	case built:
		return bp.Pass(made, requires(site), requires(files)), nil
	case other != "" && s.Root == "":
		return bp.Fail(more), nil
	}
	return bp.Pass(filepath.Join(root, index) + " found"), nil
}

// programFile returns the file that makes an app more than files, "" if there is none. Sites of Hugo have a go.mod, and no program.
func programFile(app string) (string, error) {
	for _, name := range programs {
		if !isFile(filepath.Join(app, name)) {
			continue
		}
		if name != "go.mod" {
			return name, nil
		}
		if found, err := gofiles.HasProgram(app); err != nil || found {
			return name, err
		}
	}
	return "", nil
}

func requires(name string) bp.Plan { return bp.Plan{Requires: []bp.Entry{{Name: name}}} }

// find returns the folder of an app that is served, and why. Where there is none, root is "". Candidates are the folders that are
// looked at if no file for hosts tells it.
func (s settings) find(app string, told []said, candidates []string) (root, why string, err error) {
	if s.Root != "" {
		if !isFile(filepath.Join(app, s.Root, index)) {
			return "", fmt.Sprintf("BP_WEB_SERVER_ROOT is %s, and there is no %s in it", s.Root, index), nil
		}
		return filepath.Clean(s.Root), "BP_WEB_SERVER_ROOT", nil
	}
	for _, one := range told {
		if one.Root != "" && isFile(filepath.Join(app, one.Root, index)) {
			return one.Root, one.File, nil
		}
	}
	inside := os.DirFS(app)
	for _, pattern := range candidates {
		found, err := fs.Glob(inside, path.Join(pattern, index))
		if err != nil {
			return "", "", err
		}
		for _, file := range found {
			if isFile(filepath.Join(app, file)) {
				return path.Dir(file), "has an " + index, nil
			}
		}
	}
	why = "no " + index + " in " + strings.Join(candidates, ", ")
	if other, err := fs.Glob(inside, "*/"+index); err == nil && len(other) > 0 {
		why += "; for the one in " + path.Dir(other[0]) + ", set BP_WEB_SERVER_ROOT=" + path.Dir(other[0])
	}
	return "", why, nil
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}
