// Package allocator is the buildpack strata/allocator. It has the loader put another allocator of memory before glibc's.
package allocator

import (
	"context"
	"embed"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"

	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
	"github.com/strata-buildpacks/strata/buildpacks/kit/deb"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/launchhelper"
	"github.com/strata-buildpacks/strata/buildpacks/kit/layer"
	"github.com/strata-buildpacks/strata/buildpacks/kit/sbom"
	"github.com/strata-buildpacks/strata/buildpacks/kit/tool"
	"github.com/strata-buildpacks/strata/buildpacks/kit/unpack"
)

//go:embed lock-*.toml
var locks embed.FS

// variable says which allocator programs have.
const variable = "BP_ALLOCATOR"

// kind is an allocator: its library and the package of Debian that has it.
type kind struct {
	pkg     string
	file    *regexp.Regexp // its path in the package
	library string         // its name in the layer
	licence string
}

var kinds = map[string]kind{
	"jemalloc": {"libjemalloc2", regexp.MustCompile(`^usr/lib/[^/]+/libjemalloc\.so\.2$`), "libjemalloc.so.2", "BSD-2-Clause"},
	"mimalloc": {"libmimalloc3", regexp.MustCompile(`^usr/lib/[^/]+/libmimalloc\.so\.3\.[0-9.]+$`), "libmimalloc.so.3", "MIT"},
	"hardened": {"libclang-rt-19-dev", regexp.MustCompile(`/linux/libclang_rt\.scudo_standalone-(x86_64|aarch64)\.so$`), "libscudo.so",
		"Apache-2.0 WITH LLVM-exception"},
}

// Buildpack returns the buildpack strata/allocator.
func Buildpack() bp.Buildpack {
	return bp.Buildpack{ID: "strata/allocator", Detect: detect, Build: build}
}

type settings struct {
	Allocator string `config:"BP_ALLOCATOR"`
}

func detect(_ context.Context, in bp.DetectContext) (bp.DetectResult, error) {
	var s settings
	if err := in.Config.Decode(&s); err != nil {
		return bp.DetectResult{}, err
	}
	if s.Allocator == "glibc" {
		return bp.Fail(variable + " is glibc"), nil
	}
	// What is wrong with the value ends the build. If an optional buildpack fails here, the app is built without it.
	return bp.Pass(variable+" is "+s.Allocator, bp.Plan{Requires: []bp.Entry{launchhelper.Required()}}), nil
}

func build(ctx context.Context, in bp.BuildContext) (bp.BuildResult, error) {
	var s settings
	if err := in.Config.Decode(&s); err != nil {
		return bp.BuildResult{}, err
	}
	k, ok := kinds[s.Allocator]
	if !ok {
		return bp.BuildResult{}, fault.Fault{ID: "allocator-unknown", What: fmt.Sprintf("%s is %q", variable, s.Allocator),
			Do: "set it to glibc, jemalloc, mimalloc or hardened"}
	}
	if libc, because := in.Target.Libc(); libc != bp.Glibc {
		why := "the run image has no loader: its programs are static, as those of Go are, which has an allocator of its own"
		if libc == bp.Musl {
			why = "the run image has musl, and the library is for glibc"
		}
		what := fmt.Sprintf("%s is %s, and %s (%s)", variable, s.Allocator, why, because)
		return bp.BuildResult{}, fault.Fault{ID: "allocator-libc", What: what,
			Do: "remove the variable, or use the run image glibc for a program that is linked with it"}
	}
	one, err := locked(in.Target.Arch, k)
	if err != nil {
		return bp.BuildResult{}, err
	}
	in.Log.Decision("Allocator", s.Allocator+" of "+one.Name+" "+one.Version, variable)
	l, err := contribute(ctx, in, k, one)
	if err != nil {
		return bp.BuildResult{}, err
	}
	return bp.BuildResult{}, prove(ctx, in, s.Allocator, filepath.Join(l.Path, k.library))
}

// locked returns the package of an allocator.
func locked(arch string, k kind) (deb.Locked, error) {
	text, err := locks.ReadFile("lock-" + arch + ".toml")
	if err != nil {
		return deb.Locked{}, fault.Internal("no allocator is locked for %s", arch)
	}
	packages, err := deb.ReadLock(string(text))
	if err != nil {
		return deb.Locked{}, err
	}
	i := slices.IndexFunc(packages, func(one deb.Locked) bool { return one.Name == k.pkg })
	if i < 0 {
		return deb.Locked{}, fault.Internal("%s is not locked for %s", k.pkg, arch)
	}
	return packages[i], nil
}

// contribute makes the layer. It is in the cache because the next build proves it by loading it.
func contribute(ctx context.Context, in bp.BuildContext, k kind, one deb.Locked) (*layer.Layer, error) {
	helper := launchhelper.Path(in)
	return in.Layers.Contribute(ctx, layer.Request{
		Name: "allocator", Flags: layer.Flags{Launch: true, Cache: true}, Key: struct {
			Recipe int    `json:"recipe"`
			Sum    string `json:"sum"`
			Helper string `json:"helper"`
		}{1, one.SHA256, helper},
		Fill: func(ctx context.Context, l *layer.Layer) error {
			if err := fetch(ctx, in, k, one, l.Path); err != nil {
				return err
			}
			programs := filepath.Join(l.Path, "exec.d")
			if err := os.Mkdir(programs, 0o755); err != nil {
				return err
			}
			l.LaunchEnv.Default("LD_PRELOAD", filepath.Join(l.Path, k.library))
			l.SBOM = &sbom.Document{Subject: sbom.Component{Name: "allocator", Dependencies: []string{one.Purl}}, Components: []sbom.Component{
				{Name: one.Name, Version: one.Version, PURL: one.Purl, SHA256: one.SHA256, Licenses: []string{k.licence}},
			}}
			return os.Symlink(helper, filepath.Join(programs, "allocator"))
		},
	})
}

// fetch puts the library into a folder.
func fetch(ctx context.Context, in bp.BuildContext, k kind, one deb.Locked, dir string) error {
	mirrors, err := tool.Debian(in.Workspace)
	if err != nil {
		return err
	}
	downloads, err := os.MkdirTemp("", "strata-allocator-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(downloads) }() // it is of the build's temporary folder
	client, err := tool.Client(in.Workspace, downloads, path.Base(one.Path))
	if err != nil {
		return err
	}
	err = deb.Unpack(ctx, client, mirrors, []deb.Locked{one}, dir, unpack.Options{Place: func(name string) string {
		if k.file.MatchString(name) {
			return k.library
		}
		return ""
	}})
	if err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(dir, k.library)); err != nil {
		return fault.Internal("%s has no %s", one.Purl, k.library)
	}
	return nil
}
