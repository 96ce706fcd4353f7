package rust

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
	"github.com/strata-buildpacks/strata/buildpacks/kit/compiler"
	"github.com/strata-buildpacks/strata/buildpacks/kit/config"
	"github.com/strata-buildpacks/strata/buildpacks/kit/debian"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/keep"
	"github.com/strata-buildpacks/strata/buildpacks/kit/layer"
	"github.com/strata-buildpacks/strata/buildpacks/kit/procfile"
	"github.com/strata-buildpacks/strata/buildpacks/kit/upx"
	"github.com/strata-buildpacks/strata/buildpacks/kit/version"
	"github.com/strata-buildpacks/strata/buildpacks/rust/cargo"
	"github.com/strata-buildpacks/strata/buildpacks/rust/toolchain"
)

// recipe changes when the same inputs give other binaries or another SBOM.
const recipe = 2

// key is everything that the layer of binaries depends on.
type key struct {
	Recipe   int       `json:"recipe"`
	Rust     string    `json:"rust"` // the folder of the toolchain
	Source   string    `json:"source"`
	Targets  []string  `json:"targets"`
	Features []string  `json:"features"`
	Defaults bool      `json:"defaults"`
	Profile  string    `json:"profile"`
	LTO      string    `json:"lto"`
	Env      string    `json:"env"` // hash of the variables that cargo and build scripts see
	Compiler string    `json:"compiler"`
	Debian   string    `json:"debian"`
	Target   [4]string `json:"target"` // os, arch, variant, distro
	UPX      string    `json:"upx,omitempty"`
}

// decision is what a build does, known before it does anything.
type decision struct {
	settings
	project cargo.Project
	rust    toolchain.Rust
	mode    compiler.Mode
	choice  version.Choice
	keep    keep.Patterns
	packer  upx.Packer
}

func decide(in bp.Workspace) (decision, error) {
	var d decision
	if err := in.Config.Decode(&d.settings); err != nil {
		return d, err
	}
	if !word.MatchString(d.Profile) {
		return d, fault.Fault{ID: "rust-profile", What: fmt.Sprintf("BP_RUST_PROFILE is %q, which is no name of a profile", d.Profile),
			Do: "name a profile of Cargo.toml, such as release"}
	}
	if d.LTO != "" && !slices.Contains([]string{"thin", "fat", "off"}, d.LTO) {
		return d, fault.Fault{ID: "rust-lto", What: fmt.Sprintf("BP_RUST_LTO is %q", d.LTO), Do: "set it to thin, fat or off"}
	}
	for _, feature := range d.Features {
		if strings.HasPrefix(feature, "-") {
			return d, fault.Fault{ID: "rust-feature", What: fmt.Sprintf("BP_RUST_FEATURES names %q, which is no feature", feature),
				Do: "name features of Cargo.toml, separated by commas"}
		}
	}
	var err error
	if d.keep, err = keep.Parse(d.KeepFiles); err != nil {
		return d, err
	}
	if d.project, err = cargo.Read(in.AppDir, toolchain.Triples[in.Target.Arch]); err != nil {
		return d, err
	}
	if d.packer, err = upx.Asked(in.Config); err != nil {
		return d, err
	}
	if d.mode, err = compiler.Asked(in.Config); err != nil {
		return d, err
	}
	d.rust, d.choice, err = choose(in, d.project)
	return d, err
}

// word matches the name of a profile.
var word = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_-]*$`)

// Build compiles the app into the launch layer "targets" and empties the app's folder. An unchanged app costs no more than reading its
// source.
func Build(ctx context.Context, in bp.BuildContext) (bp.BuildResult, error) {
	d, err := decide(in.Workspace)
	if err != nil {
		return bp.BuildResult{}, err
	}
	in.Log.Decision("Rust", d.choice.Version, d.choice.Reason)
	src, err := readSource(in.AppDir)
	if err != nil {
		return bp.BuildResult{}, err
	}
	b := &builder{BuildContext: in, decision: d}
	for name, dir := range map[string]*string{"rust": &b.tools, "compiler": &b.compilers, "cargo-home": &b.home, "cargo-target": &b.target} {
		if *dir, err = in.Cache(ctx, name); err != nil {
			return bp.BuildResult{}, err
		}
	}
	if b.debian, err = debian.Open(ctx, in, d.project.Packages()...); err != nil {
		return bp.BuildResult{}, err
	}
	k, err := b.key(src)
	if err != nil {
		return bp.BuildResult{}, err
	}
	if err := renew(b.target, k); err != nil {
		return bp.BuildResult{}, err
	}
	programs, err := b.programs(ctx, k)
	if err != nil {
		return bp.BuildResult{}, err
	}
	b.describe(programs)
	out, err := in.Layers.Contribute(ctx, layer.Request{
		Name: "targets", Flags: layer.Flags{Launch: true}, Key: k,
		Fill: func(ctx context.Context, l *layer.Layer) error {
			now, err := later(b.target, time.Now())
			if err != nil {
				return err
			}
			if err := src.date(in.AppDir, filepath.Join(b.target, "strata-times.json"), now); err != nil {
				return err
			}
			return d.keep.During(in.AppDir, in.Log, func() error { return b.fill(ctx, programs.Programs, l) }, procfile.Name)
		},
	})
	if err != nil {
		return bp.BuildResult{}, err
	}
	if err := d.keep.Clear(in.AppDir, in.Log, procfile.Name); err != nil {
		return bp.BuildResult{}, err
	}
	return bp.BuildResult{Processes: processes(programs.Programs, filepath.Join(out.Path, "bin"))}, nil
}

// key returns what the layer depends on.
func (b *builder) key(src source) (key, error) {
	compilers, err := compiler.Version(b.Target.Arch, b.mode)
	if err != nil {
		return key{}, err
	}
	seen := b.own()
	maps.DeleteFunc(seen, func(name, _ string) bool { return slices.Contains(config.Network, name) || ofMachine.MatchString(name) })
	return key{
		Recipe: recipe, Rust: b.rust.Folder(), Source: src.hash(), Targets: b.Targets, Features: b.Features, Defaults: b.Defaults,
		Profile: b.Profile, LTO: b.LTO, Env: digest(strings.Join(seen.List(), "\n")), Compiler: compilers, Debian: b.debian.Key(),
		Target: [4]string{b.Target.OS, b.Target.Arch, b.Target.Variant, b.Target.Distro}, UPX: b.packer.Key(),
	}, nil
}

// describe prints the decisions before anything is done.
func (b *builder) describe(s cargo.Selection) {
	for i, p := range s.Programs {
		why := "package " + p.Package
		if i == 0 {
			why += ", default"
		}
		b.Log.Decision("Binary", p.Name, why)
	}
	if len(s.Left) > 0 {
		b.Log.Decision("Not built", strings.Join(s.Left, ", "), "BP_RUST_TARGETS names what is built")
	}
}

// ofMachine matches variables that differ by machines and logins, and change nothing that is built.
var ofMachine = regexp.MustCompile(`^(PATH|HOME|PWD|SHLVL|TMPDIR|SSH_AUTH_SOCK|SSH_AGENT_PID|CARGO_REGISTRIES_.*_TOKEN)$`)

// ofUser matches the variables of cargo that a user may set.
var ofUser = regexp.MustCompile(`^CARGO_(PROFILE|REGISTRIES|HTTP|NET)_`)

// own returns the variables of the user that cargo and build scripts see. Those that say how cargo works are the buildpack's own, except
// profiles and registries. HOSTNAME is another one in each container.
func (b *builder) own() config.Environment {
	env := maps.Clone(b.Env)
	maps.DeleteFunc(env, func(name, _ string) bool {
		for _, prefix := range []string{"CNB_", "BP_", "BPL_", "BPE_", "STRATA_"} {
			if strings.HasPrefix(name, prefix) {
				return true
			}
		}
		return name == "HOSTNAME" || (strings.HasPrefix(name, "CARGO") || strings.HasPrefix(name, "RUST")) && !ofUser.MatchString(name)
	})
	return env
}

// processes returns one process for each program, and "web" for the default one unless a program has that name already.
func processes(programs []cargo.Program, bin string) []bp.Process {
	var list []bp.Process
	web := slices.IndexFunc(programs, func(p cargo.Program) bool { return p.Name == "web" })
	for i, p := range programs {
		command := []string{filepath.Join(bin, p.Name)}
		list = append(list, bp.Process{Type: p.Name, Command: command, Default: i == web})
		if i == 0 && web < 0 {
			list = append(list, bp.Process{Type: "web", Command: command, Default: true})
		}
	}
	return list
}
