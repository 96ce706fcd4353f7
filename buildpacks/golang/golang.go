// Package golang is the buildpack strata/go. It compiles the main packages of Go modules into static binaries, with cgo where a package
// needs it, and leaves nothing else of the modules in the image.
package golang

import "github.com/strata-buildpacks/strata/buildpacks/kit/bp"

// Buildpack is the entry of the suite's table.
func Buildpack() bp.Buildpack {
	return bp.Buildpack{ID: "strata/go", Detect: Detect, Build: Build, Install: Install, Cross: true}
}

// settings are the variables of buildpack.toml.
type settings struct {
	Version    string   `config:"BP_GO_VERSION"`
	Targets    []string `config:"BP_GO_TARGETS,list"`
	Flags      []string `config:"BP_GO_BUILD_FLAGS,argv"`
	LDFlags    []string `config:"BP_GO_BUILD_LDFLAGS,argv"`
	WorkUse    []string `config:"BP_GO_WORK_USE,list"`
	Cgo        string   `config:"BP_GO_CGO"`
	Unverified bool     `config:"BP_GO_TOOLCHAIN_UNVERIFIED_ENABLED"`
	Reload     bool     `config:"BP_LIVE_RELOAD_ENABLED"`
	KeepFiles  []string `config:"BP_KEEP_FILES,list"`

	flags  flags  // what Flags has, except for the linker
	linker string // the value of -ldflags
}
