// Package install installs the packages of an app with uv, into layers that depend on the packages alone and never on the app's code.
//
// Packages are installed into a folder of the cache, without starting Python in it: no code of a package runs, except that of one which
// has to be built. The layers are copies: a virtual environment at a fixed path, and big packages in layers of their own.
package install

import (
	"context"

	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
	"github.com/strata-buildpacks/strata/buildpacks/kit/command"
	"github.com/strata-buildpacks/strata/buildpacks/kit/debian"
	"github.com/strata-buildpacks/strata/buildpacks/kit/lock"
	"github.com/strata-buildpacks/strata/buildpacks/kit/runtimes"
)

// Python is the interpreter that packages are installed for.
type Python struct {
	Version string // "3.13.5"
	Source  string // names its build, such as a package URL; another one may need other packages
	Home    string // absolute path of its folder in the image, which has bin/python3.13

	// Folder returns the interpreter's folder at build time, which has bin and lib as Home has. It is called when uv is to run.
	Folder func(context.Context) (string, error)
	// Headers returns folders with the headers that packages are compiled with, for CPATH. It is called when one is to be compiled.
	Headers func(context.Context) ([]string, error)
}

// Requirements are what an app needs, as lines of pip's requirements files. No line names another file of lines.
type Requirements struct {
	Lines       string // packages of an index, with their versions and hashes where they are known
	Constraints string // limits of versions
	Complete    bool   // nothing else is needed: what the lines depend on is not looked for
	Direct      string // packages at addresses, in git or in folders, for which no hash vouches: they are installed after the others

	Dir     string   // absolute path of the folder that paths in Direct begin at
	Folders []string // absolute paths of the folders and archives that Direct names
	Wheels  []string // absolute paths of folders with archives of packages, which are taken before those of indexes

	Project  string   // absolute path of the folder of the app itself, if it is a package that is to be installed, "" if not
	LeaveOut []string // some of Kinds

	Needs []runtimes.Need // what the layers of packages say that they are made for
}

// Source is what packages are installed by and for.
type Source struct {
	In     bp.BuildContext
	UV     lock.Release
	Python Python
}

// Installer installs the packages of an app.
type Installer struct {
	// Close removes what ends with the build.
	Close func()

	source   Source
	wanted   Requirements
	debian   debian.Packages // with which packages are compiled
	indexes  Indexes
	name     string // of the install
	home     string // of uv; it ends with the build
	tools    string // cache of uv
	cache    string // of what uv fetches and builds
	installs string // cache of the newest install
	all      []*packaged
}

// New returns an installer. Close it at the end.
func New(ctx context.Context, s Source) (*Installer, error) {
	i := &Installer{source: s}
	var err error
	if i.indexes, err = ReadIndexes(s.In.Workspace); err != nil {
		return nil, err
	}
	if i.debian, err = debian.Open(ctx, s.In); err != nil {
		return nil, err
	}
	for name, dir := range map[string]*string{"uv": &i.tools, "uv-cache": &i.cache, "python-packages": &i.installs} {
		if *dir, err = s.In.Cache(ctx, name); err != nil {
			return nil, err
		}
	}
	i.home, i.Close, err = command.Home()
	return i, err
}
