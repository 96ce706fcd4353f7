package rust

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
	"github.com/strata-buildpacks/strata/buildpacks/kit/command"
	"github.com/strata-buildpacks/strata/buildpacks/kit/compiler"
	"github.com/strata-buildpacks/strata/buildpacks/kit/config"
	"github.com/strata-buildpacks/strata/buildpacks/kit/debian"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/layer"
	"github.com/strata-buildpacks/strata/buildpacks/kit/sbom"
	"github.com/strata-buildpacks/strata/buildpacks/kit/tool"
	"github.com/strata-buildpacks/strata/buildpacks/kit/tree"
	"github.com/strata-buildpacks/strata/buildpacks/rust/cargo"
	"github.com/strata-buildpacks/strata/buildpacks/rust/toolchain"
)

// builder runs cargo for one app.
type builder struct {
	bp.BuildContext
	decision
	debian debian.Packages

	// Caches of the app: toolchains, compilers, CARGO_HOME, and what cargo makes.
	tools, compilers, home, target string

	binutils string      // folder of programs, once cargo was called
	root     debian.Root // of packages, likewise
}

// triple is Rust's name of the target.
func (b *builder) triple() string { return toolchain.Triples[b.Target.Arch] }

// call returns a call of cargo, and a function that ends its HOME. It installs Rust and compilers.
func (b *builder) call(ctx context.Context, args ...string) (command.Command, func(), error) {
	none := func() {}
	mirrors, err := tool.Debian(b.Workspace)
	if err != nil {
		return command.Command{}, none, err
	}
	rust, err := tool.Install(ctx, b.Workspace, b.tools, b.rust.Tool(mirrors, b.tools))
	if err != nil {
		return command.Command{}, none, err
	}
	compilers, err := compiler.Compiler{In: b.Workspace, Dir: b.compilers, Mirrors: mirrors, Mode: b.mode}.Install(ctx)
	if err != nil {
		return command.Command{}, none, err
	}
	b.binutils = compilers
	here, err := b.here(ctx, mirrors)
	if err != nil {
		return command.Command{}, none, err
	}
	libraries, err := b.debian.Install(ctx)
	if err != nil {
		return command.Command{}, none, err
	}
	b.root = libraries
	static, err := b.staticLibraries(libraries)
	if err != nil {
		return command.Command{}, none, err
	}
	home, remove, err := command.Home()
	if err != nil {
		return command.Command{}, none, err
	}
	linker, err := b.writeLinker()
	if err == nil {
		err = b.writeSettings()
	}
	if err != nil {
		remove()
		return command.Command{}, none, err
	}
	triple := strings.ToUpper(strings.ReplaceAll(b.triple(), "-", "_"))
	env := b.own().With(b.Env.Git()).With(config.Environment{
		"HOME": home, "PATH": here + ":" + filepath.Join(rust, "bin") + ":" + b.Env["PATH"],
		"CARGO_HOME": b.home, "CARGO_TARGET_DIR": b.target, "CARGO_BUILD_BUILD_DIR": b.target, "CARGO_TERM_COLOR": "never",
		"RUSTC": filepath.Join(rust, "bin", "rustc"), "RUSTC_WRAPPER": "", "RUSTC_WORKSPACE_WRAPPER": "", "CARGO_INCREMENTAL": "0",
		"CARGO_HTTP_CAINFO": b.Env.Authorities(), "CARGO_TARGET_" + triple + "_LINKER": linker,
		"CARGO_TARGET_" + triple + "_RUSTFLAGS": strings.Join(append(b.flags(), static...), " "),
		"CC":                                    "cc", "CXX": "c++", "AR": "ar",
		"CFLAGS": b.prefixMaps("-ffile-prefix-map="), "CXXFLAGS": b.prefixMaps("-ffile-prefix-map="),
		"OPENSSL_STATIC": "1", "PKG_CONFIG_ALL_STATIC": "1", "SOURCE_DATE_EPOCH": "315532800",
	})
	profile := "CARGO_PROFILE_" + strings.ToUpper(strings.ReplaceAll(b.Profile, "-", "_"))
	env[profile+"_STRIP"] = "symbols"
	if b.LTO != "" {
		env[profile+"_LTO"] = b.LTO
	}
	env = libraries.In(env.With(b.cross()))
	return command.Command{Path: filepath.Join(rust, "bin", "cargo"), Args: args, Dir: b.AppDir, Env: env.List(), Log: b.Log}, remove, nil
}

// flags are those of the compiler. A program has no path of the machine that compiles it.
func (b *builder) flags() []string {
	return append(slices.Clone(b.project.Flags), "-Ctarget-feature=+crt-static", b.prefixMaps("--remap-path-prefix="))
}

// prefixMaps returns options that replace the caches' paths in what is compiled.
func (b *builder) prefixMaps(option string) string {
	return option + b.home + "=/cargo " + option + b.target + "=/target"
}

// writeSettings writes the settings of cargo, and makes the logins of a binding known to it.
func (b *builder) writeSettings() error {
	for _, name := range []string{"config", "config.toml", "credentials", "credentials.toml"} {
		if err := tree.Remove(filepath.Join(b.home, name)); err != nil {
			return err
		}
	}
	text := "[net]\ngit-fetch-with-cli = true\n"
	if b.Registry != "" {
		text += fmt.Sprintf("[source.crates-io]\nreplace-with = \"mirror\"\n[source.mirror]\nregistry = %q\n", b.Registry)
	}
	if err := os.WriteFile(filepath.Join(b.home, "config.toml"), []byte(text), 0o644); err != nil {
		return fmt.Errorf("writing cargo's settings: %w", err)
	}
	binding, found, err := b.Binding("cargo")
	if err != nil || !found {
		return err
	}
	file := filepath.Join(binding.Path, "credentials.toml")
	if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) {
		return fault.Fault{ID: "rust-binding", What: "binding " + binding.Name + " of type cargo has no file credentials.toml",
			Do: "put the logins into a file of that name"}
	}
	b.Log.Decision("Credentials", "binding "+binding.Name, "cargo")
	return os.Symlink(file, filepath.Join(b.home, "credentials.toml"))
}

// programs returns what is built. It asks cargo unless a file of the cache has the answer for the key.
func (b *builder) programs(ctx context.Context, k key) (cargo.Selection, error) {
	type answer struct {
		Key   key             `json:"key"`
		Found cargo.Selection `json:"found"`
	}
	file := filepath.Join(b.target, "strata-programs.json")
	wanted, err := json.Marshal(k)
	if err != nil {
		return cargo.Selection{}, err
	}
	var kept answer
	if data, err := tree.ReadFile(file); err == nil && json.Unmarshal(data, &kept) == nil {
		if had, err := json.Marshal(kept.Key); err == nil && string(had) == string(wanted) {
			return kept.Found, nil
		}
	}
	call, remove, err := b.call(ctx, "metadata", "--no-deps", "--format-version=1", "--offline")
	if err != nil {
		return cargo.Selection{}, err
	}
	defer remove()
	out, err := command.Output(ctx, call)
	if err != nil {
		return cargo.Selection{}, b.explain(err)
	}
	var w cargo.Workspace
	if err := json.Unmarshal(out, &w); err != nil {
		return cargo.Selection{}, fmt.Errorf("reading what cargo says of the app: %w", err)
	}
	found, err := w.Find(b.AppDir, cargo.Wanted{Targets: b.Targets, Features: b.Features, Defaults: b.Defaults})
	if err != nil {
		return cargo.Selection{}, err
	}
	data, err := json.Marshal(answer{k, found})
	if err == nil {
		err = tree.WriteFile(file, data)
	}
	return found, err
}

// fill makes the layer of binaries.
func (b *builder) fill(ctx context.Context, programs []cargo.Program, l *layer.Layer) error {
	args := []string{
		"build", "--locked", "--target=" + b.triple(), "--profile=" + b.Profile, "--message-format=json-render-diagnostics",
	}
	for _, p := range programs {
		args = append(args, "--package="+p.Package+"@"+p.Version, "--bin="+p.Name)
	}
	if !b.Defaults {
		args = append(args, "--no-default-features")
	}
	if len(b.Features) > 0 {
		args = append(args, "--features="+strings.Join(b.Features, ","))
	}
	call, remove, err := b.call(ctx, args...)
	if err != nil {
		return err
	}
	defer remove()
	done := b.Log.Phase("Compiling")
	out, err := command.Output(ctx, call)
	if err != nil {
		return b.explain(err)
	}
	made, err := cargo.ReadMessages(out)
	if err != nil {
		return err
	}
	bin := filepath.Join(l.Path, "bin")
	if err := os.Mkdir(bin, 0o755); err != nil {
		return err
	}
	parts := b.project.Parts(made, b.triple())
	for _, p := range programs {
		if err := b.take(ctx, made, parts, p, bin); err != nil {
			return err
		}
	}
	l.SBOM = cargo.Document(parts, b.rust.Version)
	for _, p := range programs {
		found, err := b.debianParts(made.Program(p))
		if err != nil {
			return err
		}
		l.SBOM.Components = append(l.SBOM.Components, found...)
	}
	*l.SBOM = sbom.Merge(l.SBOM.Subject, *l.SBOM)
	done()
	if err := b.packer.Pack(ctx, b.BuildContext, bin); err != nil {
		return err
	}
	return b.sweep(made)
}

// take copies a program that cargo made into a folder, with a section that says what it is made of.
func (b *builder) take(ctx context.Context, m cargo.Made, parts []cargo.Part, p cargo.Program, bin string) error {
	file := m.Program(p)
	if !strings.HasPrefix(file, b.target+"/") {
		return fault.Internal("cargo made no program %s", p.Name)
	}
	content, err := cargo.Audit(parts, p)
	if err != nil {
		return err
	}
	home, remove, err := command.Home()
	if err != nil {
		return err
	}
	defer remove()
	section := filepath.Join(home, "section")
	if err := os.WriteFile(section, content, 0o644); err != nil {
		return err
	}
	to := filepath.Join(bin, p.Name)
	err = command.Run(ctx, command.Command{
		Path: filepath.Join(b.binutils, "objcopy"), Dir: home, Log: b.Log, Env: []string{"PATH=" + b.binutils + ":" + b.Env["PATH"]},
		Args: []string{"--add-section=.dep-v0=" + section, "--set-section-flags=.dep-v0=noload,readonly", file, to},
	})
	if err != nil {
		return fmt.Errorf("writing into the program %s what it is made of: %w", p.Name, err)
	}
	info, err := os.Stat(to)
	if err == nil {
		b.Log.Bullet("%s: %.1f MB", p.Name, float64(info.Size())/1e6)
		err = os.Chmod(to, 0o755)
	}
	return err
}
