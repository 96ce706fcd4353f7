// Package rust is the buildpack strata/rust. It compiles the programs of a Cargo workspace into static binaries, and leaves nothing else of
// the workspace in the image.
package rust

import (
	"context"

	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
	"github.com/strata-buildpacks/strata/buildpacks/kit/compiler"
	"github.com/strata-buildpacks/strata/buildpacks/kit/tool"
	"github.com/strata-buildpacks/strata/buildpacks/rust/toolchain"
)

// Buildpack is the entry of the suite's table.
func Buildpack() bp.Buildpack {
	return bp.Buildpack{ID: "strata/rust", Detect: Detect, Build: Build, Install: Install, Cross: true}
}

// settings are the variables of buildpack.toml.
type settings struct {
	Version   string   `config:"BP_RUST_VERSION"`
	Targets   []string `config:"BP_RUST_TARGETS,list"`
	Features  []string `config:"BP_RUST_FEATURES,names"`
	Defaults  bool     `config:"BP_RUST_DEFAULT_FEATURES_ENABLED"`
	Profile   string   `config:"BP_RUST_PROFILE"`
	LTO       string   `config:"BP_RUST_LTO"`
	KeepFiles []string `config:"BP_KEEP_FILES,list"`
	Registry  string   `config:"BP_CARGO_REGISTRY"`
}

// Install installs a Rust of Debian or the compiler of C for all apps.
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
	r, err := toolchain.Named(in.Target.Arch, in.Tool)
	if err != nil {
		return err
	}
	_, err = tool.Install(ctx, in.Workspace, in.Dir, r.Tool(mirrors, in.Dir))
	return err
}
