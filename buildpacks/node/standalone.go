package node

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/layer"
	kittree "github.com/strata-buildpacks/strata/buildpacks/kit/tree"
)

// standaloneDir is where Next.js puts a server with just the modules that it loads, when its configuration has
// output: "standalone", or has no output and the variable is there.
const (
	standaloneDir      = ".next/standalone"
	standaloneVariable = "NEXT_PRIVATE_STANDALONE" // since Next.js 12
)

// wantsStandalone tells whether the build scripts are to make Next.js' standalone server. Who sets the variable decides.
func (b *builder) wantsStandalone() bool {
	_, decided := b.Env[standaloneVariable]
	return !decided && b.mayStandAlone() && b.start.startsNext()
}

// mayStandAlone tells whether a server with its modules can take the place of the app.
func (b *builder) mayStandAlone() bool { return !b.pnp && b.Root == b.AppDir }

// standalone makes the app a server that the build scripts made with just the modules that it loads, if they did. That is
// what starts then.
func (b *builder) standalone() (bool, error) {
	switch {
	case !b.mayStandAlone():
		return false, nil
	case b.start.startsNext():
		return b.standaloneNext()
	case b.startsNitro():
		return b.standaloneNitro()
	}
	return false, nil
}

// standaloneNext makes the app what Next.js' standalone server needs: the server, its modules in node_modules, static
// files and the folder public. A workspace's server is as deep in it as the workspace is in the app.
func (b *builder) standaloneNext() (bool, error) {
	from := b.From()
	server := filepath.Join(b.Dir, standaloneDir, from)
	if _, err := os.Stat(filepath.Join(server, "server.js")); errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	for _, name := range []string{".next/static", "public"} {
		from, to := filepath.Join(b.Dir, name), filepath.Join(server, name)
		if _, err := os.Stat(from); errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err := errors.Join(os.RemoveAll(to), os.MkdirAll(filepath.Dir(to), 0o755), os.Rename(from, to)); err != nil {
			return false, fmt.Errorf("moving %s to Next.js' server: %w", name, err)
		}
	}
	if err := kittree.Hoist(b.AppDir, filepath.Join(from, standaloneDir)); err != nil {
		return false, fmt.Errorf("leaving out what Next.js' server does not need: %w", err)
	}
	b.Members = slices.DeleteFunc(b.Members, func(member string) bool {
		_, err := os.Stat(filepath.Join(b.Root, member))
		return err != nil
	})
	b.Log.Bullet("Next.js' standalone server: the app is that and nothing else")
	b.start.arguments, b.start.program, b.start.everywhere = []string{"server.js"}, nil, true
	return true, nil
}

// startsNext tells whether the app is started as Next.js starts, and notes the port that the script names.
func (s *start) startsNext() bool {
	if len(s.command) == 0 {
		return len(s.arguments) == 1 && path.Clean(s.arguments[0]) == standaloneDir+"/server.js"
	}
	if len(s.command) < 2 || s.command[0] != "next" || s.command[1] != "start" {
		return false
	}
	port := ""
	for options := s.command[2:]; len(options) > 0; {
		name, value, joined := strings.Cut(options[0], "=")
		if options = options[1:]; !joined && len(options) > 0 {
			value, options = options[0], options[1:]
		}
		switch name {
		case "-p", "--port":
			port = value
		case "-H", "--hostname": // it listens everywhere
		default:
			return false
		}
	}
	s.port = port
	return true
}

// tracedKey is everything that the layer of a standalone server's modules depends on.
type tracedKey struct {
	Recipe int               `json:"recipe"`
	Port   string            `json:"port"`
	Nitro  bool              `json:"nitro,omitempty"`
	Traced map[string]string `json:"traced"` // hashes of the modules, by folder
}

func (b *builder) tracedKey() (tracedKey, error) {
	traced, err := b.hashModules()
	return tracedKey{recipe, b.start.port, !b.start.everywhere, traced}, err
}

// fillTraced makes the layer of packages of those files that a standalone server loads.
func (b *builder) fillTraced(ctx context.Context, l *layer.Layer) error {
	if b.start.everywhere { // a container's HOSTNAME is its own name, and the server would listen there and not at the loopback address
		l.LaunchEnv.Override("HOSTNAME", "0.0.0.0")
	}
	if b.start.port != "" {
		l.LaunchEnv.Default("PORT", b.start.port)
	}
	for _, folder := range b.Folders() { // the app has a link to each
		if err := os.MkdirAll(filepath.Join(l.Path, folder), 0o755); err != nil {
			return fmt.Errorf("making the layer of packages: %w", err)
		}
	}
	if err := b.takeModules(l.Path); err != nil {
		return err
	}
	if err := b.linkMembers(l.Path, b.Root); err != nil {
		return err
	}
	dir, err := b.installed(ctx)
	if err != nil {
		return err
	}
	from := b.From()
	t := tree{root: dir, app: b.Root, seeds: true, arch: b.arch, everything: true}
	if !b.start.everywhere { // Nitro lays them out anew
		t.root, t.seeds = l.Path, false
	}
	if err := t.grow(from); err != nil {
		return err
	}
	absent := func(at string) bool {
		if ours(at) {
			return false
		}
		_, err := os.Stat(filepath.Join(l.Path, filepath.FromSlash(at)))
		return err != nil
	}
	maps.DeleteFunc(t.packages, func(at string, _ *installedPackage) bool { return absent(at) })
	for _, p := range t.packages {
		p.needs = slices.DeleteFunc(p.needs, absent)
	}
	l.SBOM = t.bill(b.subject())
	return nil
}
