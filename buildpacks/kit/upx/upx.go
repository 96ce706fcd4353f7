// Package upx packs programs with UPX where a user asks for it: they are smaller on disk, and unpack themselves into memory as they start.
package upx

import (
	"bytes"
	"compress/gzip"
	"context"
	"embed"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
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
const recipe = "2"

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

// Pack packs the static programs of a folder of a layer, and prints their sizes before and after. Dynamic programs stay as they are: nobody
// could read any more what they need. So does what UPX cannot pack, and what it packs so that it cannot be unpacked; the log names both. It
// must be the last thing that is done with the files.
func (p Packer) Pack(ctx context.Context, in bp.BuildContext, dir string) error {
	if len(p.packages) == 0 {
		return nil
	}
	programs, err := tree.Each(dir, nil, func(e tree.Entry) (string, error) { return kindOf(e.Path) })
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
	c := command.Command{Path: packer, Dir: home, Env: []string{"HOME=" + home, "PATH=/usr/bin:/bin"}, Log: in.Log, Silent: true}
	done := in.Log.Phase("Packing programs with UPX")
	for _, one := range programs {
		switch one.Value {
		case "program", "PIE":
			in.Log.Warn("%s stays as it is: it is dynamic, and packed it would not tell which libraries it needs", one.Entry.Name())
		case "static", "static PIE":
			if err := pack(ctx, in.Log, c, one.Entry.Path); err != nil {
				return fmt.Errorf("packing %s: %w", one.Entry.Rel, err)
			}
		}
	}
	done()
	return nil
}

// kindOf returns what kind of program an executable file is, as package elf names it, and "" if it is none.
func kindOf(path string) (string, error) {
	info, err := os.Lstat(path)
	if err != nil || !info.Mode().IsRegular() || info.Mode()&0o111 == 0 {
		return "", err
	}
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	file, _, err := elf.ReadHardening(f)
	return file.Kind, err
}

// refuses matches what UPX says of a program that it cannot pack. Another failure, such as a full disk, ends the build: what it would
// leave as it is has another digest elsewhere.
var refuses = regexp.MustCompile(
	`(CantPack|AlreadyPacked|NotCompressible|UnknownExecutableFormat|Overlay|CantUnpack|NotPacked|Checksum)Exception`)

// pack packs a copy of a program, proves that it can be unpacked, and puts it into the program's place with its mode.
func pack(ctx context.Context, log *report.Log, c command.Command, path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	before, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	work, name := filepath.Join(c.Dir, "program"), filepath.Base(path)
	if err := os.WriteFile(work, before, 0o700); err != nil { // UPX changes no file that may not be written to
		return err
	}
	for _, args := range [][]string{{"-qqq", "--lzma", work}, {"-qqq", "-t", work}} {
		c.Args = args
		err := command.Run(ctx, c)
		if failed, ok := errors.AsType[*command.Error](err); ok && refuses.MatchString(failed.Error()) {
			log.Warn("%s stays as it is: %s", name, strings.ReplaceAll(failed.Error(), work, name))
			return nil
		}
		if err != nil {
			return err
		}
	}
	after, err := os.ReadFile(work)
	if err != nil {
		return err
	}
	return errors.Join(tree.WriteFile(path, after), os.Chmod(path, info.Mode().Perm()), tell(log, name, before, after))
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
	at, err := tool.Replace(ctx, in.Workspace, dir, t)
	return filepath.Join(at, "usr/bin/upx-ucl"), err
}

// compressed returns how many bytes a program takes in a compressed layer.
func compressed(program []byte) (int, error) {
	var wire bytes.Buffer
	w := gzip.NewWriter(&wire)
	_, err := w.Write(program)
	err = errors.Join(err, w.Close())
	return wire.Len(), err
}

// tell prints what packing did, and whether the image is worse for it.
func tell(log *report.Log, name string, before, after []byte) error {
	const mega = 1e6
	from, err := compressed(before)
	if err != nil {
		return err
	}
	to, err := compressed(after)
	if err != nil {
		return err
	}
	log.Bullet("%s: %.2f MB on disk instead of %.2f, %.2f MB compressed instead of %.2f", name,
		float64(len(after))/mega, float64(len(before))/mega, float64(to)/mega, float64(from)/mega)
	if to >= from {
		log.Warn("%s makes the image worse: more bytes are pulled than without it, and %s starts later; leave it out", Variable, name)
	}
	return nil
}
