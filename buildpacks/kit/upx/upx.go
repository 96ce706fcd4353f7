// Package upx packs programs with UPX where a user asks for it: they are smaller on disk, and unpack themselves into memory as they start.
package upx

import (
	"bytes"
	"compress/gzip"
	"context"
	"embed"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
	"github.com/strata-buildpacks/strata/buildpacks/kit/command"
	"github.com/strata-buildpacks/strata/buildpacks/kit/config"
	"github.com/strata-buildpacks/strata/buildpacks/kit/deb"
	"github.com/strata-buildpacks/strata/buildpacks/kit/elf"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fetch"
	"github.com/strata-buildpacks/strata/buildpacks/kit/report"
	"github.com/strata-buildpacks/strata/buildpacks/kit/tool"
	"github.com/strata-buildpacks/strata/buildpacks/kit/tree"
	"github.com/strata-buildpacks/strata/buildpacks/kit/unpack"
)

// Variable is the variable by which a user asks for packed programs. Buildpacks that compile declare it, and those of Debian's mirrors.
const Variable = "BP_UPX_ENABLED"

//go:embed lock-*.toml
var locks embed.FS

// recipe changes when the same packages give another folder, or the same program other bytes.
const recipe = "1"

// Packer is UPX of a lock. A zero Packer packs nothing.
type Packer struct {
	packages []deb.Locked
}

// Asked returns the packer if the user asks for it, and else a zero one.
func Asked(c config.Config) (Packer, error) {
	var s struct {
		Enabled bool `config:"BP_UPX_ENABLED"`
	}
	if err := c.Decode(&s); err != nil || !s.Enabled {
		return Packer{}, err
	}
	lock, err := locks.ReadFile("lock-" + runtime.GOARCH + ".toml")
	if err != nil {
		return Packer{}, fault.Internal("no UPX is locked for %s", runtime.GOARCH)
	}
	packages, err := deb.ReadLock(string(lock))
	return Packer{packages}, err
}

// Key stands for the packer in the key of a layer with programs, "" for none.
func (p Packer) Key() string {
	if len(p.packages) == 0 {
		return ""
	}
	return deb.Digest(recipe, p.packages)
}

// Pack packs the static programs of a folder of a layer, and prints their sizes before and after. Dynamic programs and libraries stay as
// they are: nobody could read any more what they need. It must be the last thing that is done with the files.
func (p Packer) Pack(ctx context.Context, in bp.BuildContext, dir string) error {
	if len(p.packages) == 0 {
		return nil
	}
	programs, err := tree.Each(dir, nil, func(e tree.Entry) (kind, error) { return kindOf(e.Path) })
	if err != nil {
		return fmt.Errorf("looking for programs to pack: %w", err)
	}
	packer, err := p.install(ctx, in)
	if err != nil {
		return err
	}
	home, remove, err := command.Home()
	if err != nil {
		return err
	}
	defer remove()
	c := command.Command{Path: packer, Dir: home, Env: []string{"HOME=" + home, "PATH=/usr/bin:/bin"}, Log: in.Log}
	done := in.Log.Phase("Packing programs with UPX")
	for _, one := range programs {
		switch one.Value {
		case dynamic:
			in.Log.Warn("%s stays as it is: it is dynamic, and packed it would not tell which libraries it needs", one.Entry.Name())
		case static:
			if err := pack(ctx, in, c, one.Entry.Path); err != nil {
				return err
			}
		}
	}
	done()
	return nil
}

// kind is what a file is, for whoever packs programs.
type kind int

const (
	other kind = iota
	dynamic
	static
)

// kindOf reads what a file is.
func kindOf(path string) (kind, error) {
	info, err := os.Lstat(path)
	if err != nil || !info.Mode().IsRegular() || info.Mode()&0o111 == 0 || strings.Contains(info.Name(), ".so") {
		return other, err
	}
	file, loaded, err := elf.Read(path)
	switch {
	case err != nil || !loaded:
		return other, err
	case file.Interpreter != "" || len(file.Needed) > 0:
		return dynamic, nil
	}
	return static, nil
}

// pack packs one program, and proves that it can be unpacked.
func pack(ctx context.Context, in bp.BuildContext, c command.Command, path string) error {
	before, err := measure(path)
	if err != nil {
		return err
	}
	for _, args := range [][]string{{"-qqq", "--lzma", path}, {"-qqq", "-t", path}} {
		c.Args = args
		if err := command.Run(ctx, c); err != nil {
			return fault.Fault{ID: "upx", What: "UPX does not pack " + filepath.Base(path), Err: err, Do: "leave out " + Variable}
		}
	}
	after, err := measure(path)
	if err != nil {
		return err
	}
	tell(in.Log, filepath.Base(path), before, after)
	return nil
}

// install returns the program of the packer.
func (p Packer) install(ctx context.Context, in bp.BuildContext) (string, error) {
	mirrors, err := tool.Debian(in.Workspace)
	if err != nil {
		return "", err
	}
	dir, err := in.Cache(ctx, "upx")
	if err != nil {
		return "", err
	}
	t := tool.Tool{Folder: "upx-" + p.Key(), Title: "UPX " + p.packages[0].Version}
	t.Fill = func(ctx context.Context, client *fetch.Client, to string) error {
		want := func(name string) bool { return strings.HasPrefix(name, "usr/bin/") }
		return deb.Unpack(ctx, client, mirrors, p.packages, to, unpack.Options{Want: want})
	}
	at, err := tool.Install(ctx, in.Workspace, dir, t)
	return filepath.Join(at, "usr/bin/upx-ucl"), err
}

// size is what a program takes on disk, and of a compressed layer, in bytes.
type size struct{ disk, wire int64 }

func measure(path string) (size, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return size{}, fmt.Errorf("measuring a program: %w", err)
	}
	var wire counter
	w := gzip.NewWriter(&wire)
	_, err = io.Copy(w, bytes.NewReader(data))
	if err == nil {
		err = w.Close()
	}
	return size{int64(len(data)), int64(wire)}, err
}

// counter counts what is written.
type counter int64

func (c *counter) Write(p []byte) (int, error) { *c += counter(len(p)); return len(p), nil }

// tell prints what packing did, and whether the image is worse for it.
func tell(log *report.Log, name string, before, after size) {
	const mega = 1e6
	log.Bullet("%s: %.2f MB on disk instead of %.2f, %.2f MB compressed instead of %.2f", name,
		float64(after.disk)/mega, float64(before.disk)/mega, float64(after.wire)/mega, float64(before.wire)/mega)
	if after.wire >= before.wire {
		log.Warn("%s makes the image worse: more bytes are pulled than without it, and %s starts later; leave it out", Variable, name)
	}
}
