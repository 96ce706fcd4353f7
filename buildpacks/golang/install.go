package golang

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
	"github.com/strata-buildpacks/strata/buildpacks/kit/command"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/lock"
	"github.com/strata-buildpacks/strata/buildpacks/kit/version"
)

// installGoroot makes the go command keep compiled packages of the standard library in GOROOT/pkg, where Go's distributions
// had them until 1.19, and use those of them that it would compile to the same (go.dev/doc/go1.20, "Go command").
const installGoroot = "installgoroot=all"

// common are packages that most programs are made of, with what they import. A program compiles the others itself.
var common = []string{
	"archive/tar", "archive/zip", "bufio", "compress/zlib", "container/heap", "container/list", "database/sql", "embed",
	"encoding/csv", "encoding/gob", "encoding/xml", "expvar", "flag", "hash/adler32", "hash/crc64", "hash/fnv", "hash/maphash",
	"html/template", "io/ioutil", "log/slog", "net/http/cookiejar", "net/http/httputil", "net/http/pprof", "net/netip",
	"net/smtp", "os/signal", "os/user", "runtime/debug", "runtime/trace", "testing", "text/tabwriter",
}

// tools returns the toolchain that a build of the app would use if it is locked. The build says what is wrong with an app
// that has none.
func tools(in bp.DetectContext) []string {
	var s settings
	if err := in.Config.Decode(&s); err != nil {
		return nil
	}
	l, err := lock.Read(lockFile)
	if err != nil {
		return nil
	}
	mods, err := readModules(in.AppDir, s.WorkUse)
	if err != nil {
		return nil
	}
	chosen, err := chooseVersion(in.AppDir, s.Version, mods, l, func(string) (string, error) { return "", errNoProxy }) // no locked one
	if err != nil {
		return nil
	}
	t := toolchain{Choice: chosen, target: in.Target.Arch}
	if _, locked := l.Find(goID, runtime.GOARCH, t.Version); !locked {
		return nil
	}
	return []string{t.folder()}
}

// hasStandard reports whether packages of the standard library are compiled in a GOROOT.
func hasStandard(goroot string, target bp.Target) bool {
	_, err := os.Stat(filepath.Join(goroot, "pkg", target.OS+"_"+target.Arch))
	return err == nil
}

// Install installs a locked Go release and compiles what most programs have of the standard library, which is what a first
// build takes its time for.
func Install(ctx context.Context, in bp.InstallContext) error {
	l, err := lock.Read(lockFile)
	if err != nil {
		return err
	}
	r, found := l.Newest(goID, runtime.GOARCH, func(v string) bool {
		return toolchain{Choice: version.Choice{Version: v}, target: in.Target.Arch}.folder() == in.Tool
	})
	if !found {
		return fault.Fault{ID: "go-tool-unknown", What: in.Tool + " is no toolchain that is locked", Do: "leave it to the app's build"}
	}
	t, err := newToolchain(in.Workspace, l, version.Choice{Version: r.Version, Reason: "for all apps"}, false)
	if err != nil {
		return err
	}
	home, remove, err := command.Home()
	if err != nil {
		return err
	}
	defer remove()
	if _, err := bindNetrc(in.Workspace, home); err != nil {
		return err
	}
	g := &compiler{
		dir: home, shared: true, modCache: filepath.Join(home, "mod"), buildCache: filepath.Join(home, "build"), log: in.Log,
	}
	if g.goroot, err = t.install(ctx, in.Workspace, in.Dir); err != nil {
		return err
	}
	g.env = g.environment(in.Workspace, home)
	g.env["GOWORK"] = "off"
	for _, name := range shaping {
		delete(g.env, name)
	}
	done := in.Log.Phase("Compiling the standard library")
	listed, err := g.goOutput(ctx, append([]string{"list", "-deps"}, common...))
	if err != nil {
		return err
	}
	packages := slices.DeleteFunc(strings.Fields(string(listed)), func(name string) bool { return name == "unsafe" })
	if err := command.Run(ctx, g.command(append([]string{"install", "-trimpath"}, packages...))); err != nil {
		return g.explain(ctx, err)
	}
	done()
	return nil
}
