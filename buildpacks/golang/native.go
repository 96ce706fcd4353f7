package golang

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
	"github.com/strata-buildpacks/strata/buildpacks/kit/command"
	gcc "github.com/strata-buildpacks/strata/buildpacks/kit/compiler"
	"github.com/strata-buildpacks/strata/buildpacks/kit/config"
	"github.com/strata-buildpacks/strata/buildpacks/kit/debian"
	"github.com/strata-buildpacks/strata/buildpacks/kit/elf"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/sbom"
	"github.com/strata-buildpacks/strata/buildpacks/kit/tool"
)

// The values of BP_GO_CGO.
const (
	cgoAuto    = "auto"    // cgo where a package needs it: linked statically, or else to libraries
	cgoStatic  = "static"  // cgo, linked statically
	cgoDynamic = "dynamic" // cgo, linked to libraries
	cgoOff     = "off"     // no cgo, whatever packages need
)

// checkMode refuses a value of BP_GO_CGO that means nothing or gives no program for the run image.
func checkMode(mode string, libc bp.Libc) error {
	switch mode {
	case cgoAuto, cgoStatic, cgoOff:
		return nil
	case cgoDynamic:
		if libc == bp.Glibc {
			return nil
		}
		return fault.Fault{ID: "go-cgo-dynamic", What: noDynamic, Do: "build for the run image glibc, or set BP_GO_CGO=static"}
	}
	return fault.Fault{ID: "go-cgo-mode", What: fmt.Sprintf("BP_GO_CGO is %q", mode), Do: "write auto, static, dynamic or off"}
}

const noDynamic = "BP_GO_CGO=dynamic links programs to glibc, which this run image does not have"

// staticTags are tags by which packages leave out what a static program cannot do: the standard library looks up names itself,
// instead of by glibc's plug-ins, and go-sqlite3 opens no extensions.
var staticTags = []string{"netgo", "osusergo", "sqlite_omit_load_extension"}

// native is what compiles and links packages in C.
type native struct {
	gcc       gcc.Compiler
	programs  string // the folder of the compiler
	debian    debian.Root
	static    bool
	tags      []string // besides those of the user
	libraries []string // -l for what static libraries need themselves, in the linker's order
	output    linkerOutput
	why       string // a package needs cgo
}

// decideCgo looks whether cgo is used, and installs the compiler then.
func (g *compiler) decideCgo(ctx context.Context, in bp.BuildContext, d decision) error {
	why := "BP_GO_CGO=" + d.Cgo
	if d.Cgo == cgoAuto || d.Cgo == cgoOff {
		found, err := g.checkCgo(ctx)
		if err != nil {
			return err
		}
		g.suspects = found.Suspects
		if d.Cgo == cgoOff {
			for _, n := range found.Needs {
				in.Log.Warn("%s; BP_GO_CGO=off compiles the program without", n.What)
				g.suspects = append(g.suspects, n.Package)
			}
		}
		if d.Cgo == cgoOff || len(found.Needs) == 0 {
			return nil
		}
		why = found.Needs[0].What
	}
	n := &native{gcc: gcc.Compiler{In: in.Workspace, Mode: d.compiling}, static: d.Cgo != cgoDynamic, why: why}
	n.output.log = in.Log
	if n.static {
		n.tags = staticTags
	}
	var err error
	if n.gcc.Dir, err = in.Cache(ctx, "compiler"); err != nil {
		return err
	}
	if n.gcc.Mirrors, err = tool.Debian(in.Workspace); err != nil {
		return err
	}
	if n.programs, err = n.gcc.Install(ctx); err != nil {
		return err
	}
	if n.debian, err = d.debian.Install(ctx); err != nil {
		return err
	}
	g.native = n
	g.env = n.debian.In(g.env.With(n.environment(g, d)))
	if n.static {
		n.libraries, err = g.staticLibraries(ctx)
	}
	return err
}

// environment returns what the go command needs to call the compiler. The seed stands for headers and libraries, of which the go command's
// cache does not know.
func (n *native) environment(g *compiler, d decision) config.Environment {
	flags := fmt.Sprintf("-O2 -g0 -frandom-seed=%s -ffile-prefix-map=%s=mod -ffile-prefix-map=%s=go", d.seed(), g.modCache, g.goroot)
	return config.Environment{
		"CGO_ENABLED": "1", "CC": "gcc", "CXX": "g++", "PATH": n.programs + ":" + g.env["PATH"],
		"CGO_CFLAGS":   strings.TrimSpace(flags + " " + g.env["CGO_CFLAGS"]),
		"CGO_CXXFLAGS": strings.TrimSpace(flags + " " + g.env["CGO_CXXFLAGS"]),
	}
}

// seed names the compiler and the packages of Debian.
func (d decision) seed() string { return strings.TrimSuffix(d.compiler+"-"+d.debian.Key(), "-") }

// staticLibraries returns the libraries that those need which packages ask pkg-config for.
func (g *compiler) staticLibraries(ctx context.Context) ([]string, error) {
	var asked []string
	for _, group := range together(g.targets) {
		args := slices.Concat([]string{"list", "-deps", "-f", `{{join .CgoPkgConfig "\n"}}`}, g.words(), packages(group))
		out, err := g.goOutput(ctx, args)
		if err != nil {
			return nil, err
		}
		for name := range strings.FieldsSeq(string(out)) {
			if !slices.Contains(asked, name) && !strings.HasPrefix(name, "-") {
				asked = append(asked, name)
			}
		}
	}
	if len(asked) == 0 {
		return nil, nil
	}
	if g.native.debian.Dir == "" {
		_, known := debian.Lacking("No package '" + asked[0] + "' found")
		return nil, g.lacking(asked[0], known)
	}
	out, err := command.Output(ctx, command.Command{
		Path: "pkg-config", Args: append([]string{"--static", "--libs"}, asked...), Dir: g.dir, Env: g.env.List(), Log: g.log,
	})
	if err != nil {
		return nil, g.explain(ctx, err)
	}
	return slices.DeleteFunc(strings.Fields(string(out)), func(word string) bool { return !strings.HasPrefix(word, "-l") }), nil
}

// lacking returns the fault of what a build in C lacks.
func (g *compiler) lacking(what, packages string) fault.Fault {
	f := fault.Fault{ID: "go-cgo-lacks", What: fmt.Sprintf("%s, and %s is not there to compile with", g.native.why, what),
		Do: "name the package of Debian that has it in " + debian.Variable}
	if packages != "" {
		f.Do = "set " + debian.Variable + "=" + strings.ReplaceAll(packages, " ", ",")
	}
	return f
}

// words returns the flags of the user, with what a program with cgo has besides: tags, or else that it may lie at any address.
func (g *compiler) words() []string {
	switch n := g.native; {
	case n == nil:
	case len(n.tags) > 0:
		tags := append(g.flags.tags(), n.tags...)
		return append(g.flags.without("tags").words(), "-tags="+strings.Join(tags, ","))
	case g.flags.last("buildmode") == "":
		return append(g.flags.words(), "-buildmode=pie")
	}
	return g.flags.words()
}

// linkFlags returns the value of -ldflags. The linker's own words for gcc come first, and those of the user for it are among them. A
// program with C has no build ID: the go command hashes into it where this platform keeps modules.
func (g *compiler) linkFlags() (string, error) {
	n := g.native
	if n == nil {
		return g.linker, nil
	}
	rest, own := cutFlag(splitFlags(g.linker), "extldflags")
	words := []string{traced}
	switch pie := g.flags.last("buildmode") == "pie"; {
	case n.static && pie:
		words = append(words, "-static-pie")
	case n.static:
		words = append(words, "-static")
	}
	extld := strings.Join(slices.Concat(words, own, n.libraries), " ")
	return joinFlags(append([]string{"-linkmode=external", "-buildid=", "-extldflags=" + extld}, rest...))
}

// buildNative compiles the targets with cgo into bin. Where a static program does not come of it, and libraries may be linked to, they are
// compiled again for that. Why is remembered until what is linked changes, if that program could be linked.
func (g *compiler) buildNative(ctx context.Context, in bp.BuildContext, d decision, bin string) error {
	n := g.native
	libc, _ := in.Target.Libc()
	failed := answer[string]{Key: digest(fmt.Sprintf("%s %s %s %q %q", g.imports, g.linked, d.seed(), g.words(), n.libraries))}
	file := filepath.Join(g.buildCache, "strata-cgo-link.json")
	fallback := d.Cgo == cgoAuto && libc == bp.Glibc
	known := n.static && fallback && failed.recall(file)
	if n.static && !known {
		var err error
		failed.Value, err = g.linkStatic(ctx, bin, fallback)
		switch {
		case failed.Value == "":
			return err
		case !fallback:
			return g.unlinkable(failed.Value, libc)
		}
	}
	n.dynamic()
	why := n.why
	if failed.Value != "" {
		why = "not statically: " + failed.Value
	}
	in.Log.Decision("Cgo", "linked to libraries", why)
	if err := g.compile(ctx, bin); err != nil || known || failed.Value == "" || failed.Value == unknownReason {
		return err
	}
	return writeJSON(file, failed)
}

// dynamic makes of n what BP_GO_CGO=dynamic is: nothing stays that is for static programs alone.
func (n *native) dynamic() {
	n.static, n.tags, n.libraries, n.output = false, nil, nil, linkerOutput{log: n.output.log}
}

// linkStatic compiles the targets into bin and links them statically. It returns why they cannot be, or the error if something else is
// wrong. Where another program may be made, one that opens libraries by name is none.
func (g *compiler) linkStatic(ctx context.Context, bin string, fallback bool) (why string, err error) {
	n := g.native
	g.log.Decision("Cgo", "linked statically", n.why)
	if err := g.compile(ctx, bin); err != nil {
		if ctx.Err() != nil {
			return "", err
		}
		return n.output.unlinked(), err
	}
	if why := loaded(bin, g.targets); why != "" {
		return why, nil
	}
	if opens := n.output.opens(); opens != "" {
		if fallback {
			return opens + " opens libraries by name (dlopen)", nil
		}
		g.log.Warn("%s opens libraries by name (dlopen), which a static program cannot; BP_GO_CGO=dynamic is for the run image glibc", opens)
	}
	n.output.note()
	return "", nil
}

// unlinkable returns the fault of a program that cannot be linked statically.
func (g *compiler) unlinkable(why string, libc bp.Libc) error {
	f := fault.Fault{ID: "go-cgo-static", What: fmt.Sprintf("the app cannot be linked statically, because %s (%s)", why, g.native.why),
		Do: "build for the run image glibc, where programs are linked to libraries, or name a package of Debian that has what is missing in " +
			debian.Variable}
	if libc == bp.Glibc {
		f.Do = "set BP_GO_CGO=dynamic"
	}
	return f
}

// loaded returns what a program asks a loader for, "" if all are static.
func loaded(bin string, targets []target) string {
	for _, t := range targets {
		file, ok, err := elf.Read(filepath.Join(bin, t.Binary))
		switch {
		case err != nil || !ok:
			return t.Binary + " is no program"
		case file.Interpreter != "" || len(file.Needed) > 0:
			return t.Binary + " needs " + strings.TrimSpace(file.Interpreter+" "+strings.Join(file.Needed, " "))
		}
	}
	return ""
}

// components describes the packages of Debian of which parts are in the binaries.
func (n *native) components() ([]sbom.Component, error) {
	libraries, err := n.debian.Libraries()
	if err != nil {
		return nil, err
	}
	found := map[string]sbom.Component{}
	for _, file := range n.output.archives {
		if c, ok := n.gcc.Linked(n.programs, file); ok {
			found[c.PURL] = c
		}
		if purl, ok := libraries.Of(file); ok {
			if found[purl], err = n.debian.Component(purl); err != nil {
				return nil, err
			}
		}
	}
	var list []sbom.Component
	for _, c := range found {
		list = append(list, c)
	}
	slices.SortFunc(list, func(a, b sbom.Component) int { return strings.Compare(a.PURL, b.PURL) })
	return list, nil
}

// sizes logs how large the binaries are, and that there is one of each target.
func (g *compiler) sizes(bin string) error {
	for _, t := range g.targets {
		info, err := os.Stat(filepath.Join(bin, t.Binary))
		if err != nil {
			return fault.Fault{
				ID: "go-target-not-main", What: fmt.Sprintf("building %s gave no program", t.Package),
				Do: "name folders that have package main in BP_GO_TARGETS",
			}
		}
		if len(g.targets) > 1 {
			g.log.Bullet("%s: %.1f MB", t.Binary, float64(info.Size())/1e6)
		}
	}
	return nil
}
