// Package native is the buildpack strata/native. It builds programs in C and C++ with CMake, Meson, autotools or make, and leaves nothing
// in the image but what they install.
package native

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
	"github.com/strata-buildpacks/strata/buildpacks/kit/compiler"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/tool"
	"github.com/strata-buildpacks/strata/buildpacks/native/tools"
)

// Buildpack is the entry of the suite's table.
func Buildpack() bp.Buildpack {
	return bp.Buildpack{ID: "strata/native", Detect: Detect, Build: Build, Install: Install, Cross: true}
}

// settings are the variables of buildpack.toml.
type settings struct {
	Builder   string   `config:"BP_NATIVE_BUILDER"`
	Link      string   `config:"BP_NATIVE_LINK"`
	Configure []string `config:"BP_NATIVE_CONFIGURE_FLAGS,argv"`
	Make      []string `config:"BP_NATIVE_MAKE_FLAGS,argv"`
	LeaveOut  []string `config:"BP_NATIVE_LEAVE_OUT,list"`
	Start     []string `config:"BP_NATIVE_START,argv"`
	KeepFiles []string `config:"BP_KEEP_FILES,list"`
}

// What programs are linked to, as BP_NATIVE_LINK says it.
const (
	dynamic = "dynamic" // the libraries of a run image with glibc
	static  = "static"  // no library
)

// readSettings reads the variables. A value that means nothing is a fault.
func readSettings(in bp.Workspace) (settings, error) {
	var s settings
	if err := in.Config.Decode(&s); err != nil {
		return s, err
	}
	s.Builder, s.Link = strings.ToLower(s.Builder), strings.ToLower(s.Link)
	for _, one := range []struct {
		variable string
		values   []string
		known    []string
	}{
		{"BP_NATIVE_BUILDER", []string{s.Builder}, strings.Fields("cmake meson autotools make")},
		{"BP_NATIVE_LINK", []string{s.Link}, []string{dynamic, static}},
		{"BP_NATIVE_LEAVE_OUT", s.LeaveOut, strings.Fields("headers manuals locales symbols none")},
	} {
		for _, value := range one.values {
			if value != "" && !slices.Contains(one.known, value) {
				return s, fault.Fault{ID: "native-setting", What: fmt.Sprintf("%s is %q", one.variable, value),
					Do: "set it to one of " + strings.Join(one.known, ", ") + ", or unset it"}
			}
		}
	}
	return s, nil
}

// Install installs the compiler or the tools of builds for all apps.
func Install(ctx context.Context, in bp.InstallContext) error {
	mirrors, err := tool.Debian(in.Workspace)
	if err != nil {
		return err
	}
	for _, of := range compiler.Workspaces(in.Workspace) {
		c := compiler.Compiler{In: of, Dir: in.Dir, Mirrors: mirrors}
		if folder, err := c.Folder(); err != nil || folder == in.Tool {
			if err == nil {
				_, err = c.Install(ctx)
			}
			return err
		}
	}
	t, err := tools.New(in.Here(), in.Dir, mirrors)
	if err != nil {
		return err
	}
	if t.Folder != in.Tool {
		return fault.Internal("no tool is called %s", in.Tool)
	}
	_, err = tool.Install(ctx, in.Workspace, in.Dir, t)
	return err
}
