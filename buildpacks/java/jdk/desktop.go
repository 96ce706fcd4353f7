package jdk

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/deb"
	"github.com/strata-buildpacks/strata/buildpacks/kit/deb/archive"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fetch"
	"github.com/strata-buildpacks/strata/buildpacks/kit/sbom"
	"github.com/strata-buildpacks/strata/buildpacks/kit/tool"
	"github.com/strata-buildpacks/strata/buildpacks/kit/tree"
	"github.com/strata-buildpacks/strata/buildpacks/kit/unpack"
)

// Drawing is the folder of a runtime with Java's libraries for fonts, JPEG and colours. They need libraries that run images lack, so an
// image has them with these or not at all.
const Drawing = "drawing"

// drawing returns Java's libraries in that folder. Those of vendors have within them what they need.
func (j JDK) drawing() []string {
	if j.Vendor() {
		return nil
	}
	return []string{"libfontmanager.so", "libjavajpeg.so", "liblcms.so"}
}

// Desktop has the libraries and the fonts for programs that draw, of Debian.
type Desktop struct {
	arch     string
	packages []deb.Locked
}

// DesktopOf returns what programs that draw need on an architecture.
func DesktopOf(arch string) (Desktop, error) {
	packages, err := locked("trixie", arch)
	return Desktop{arch, of(packages, "desktop")}, err
}

// Folder names the files: another name for other ones.
func (d Desktop) Folder() string { return "java-desktop-" + deb.Digest(recipe, d.packages) }

// Tool returns the tool with the folders lib, fonts and licences.
func (d Desktop) Tool(s Source) tool.Tool {
	return tool.Tool{
		Folder: d.Folder(), Title: deb.Title("libraries for drawing", d.packages),
		Fill: func(ctx context.Context, client *fetch.Client, dir string) error {
			return deb.Unpack(ctx, client, s.Mirrors, d.packages, dir, unpack.Options{Place: d.place})
		},
	}
}

// place returns where a file of the packages is, "" for one that is left out. Of GLib, only the library without others is needed.
func (d Desktop) place(name string) string {
	if dir, file := path.Split(name); dir == "usr/lib/"+deb.Triplets[d.arch]+"/" {
		if strings.Contains(file, ".so") && (!strings.HasPrefix(file, "libg") || strings.HasPrefix(file, "libglib-") ||
			strings.HasPrefix(file, "libgraphite2")) {
			return "lib/" + file
		}
		return ""
	}
	if inner, found := strings.CutPrefix(name, "usr/share/fonts/"); found {
		return "fonts/" + inner
	}
	if inner, found := strings.CutPrefix(name, "usr/share/doc/"); found && path.Base(inner) == "copyright" {
		return "licences/" + inner
	}
	return ""
}

// Fonts returns the settings of fontconfig for a layer with such files: its own fonts and those of the app, and a cache that any user may
// write to.
func Fonts(layer, app string) string {
	return fmt.Sprintf(`<?xml version="1.0"?>
<fontconfig>
  <dir>%s/fonts</dir>
  <dir>%s/fonts</dir>
  <cachedir>/tmp/fontconfig</cachedir>
  <alias><family>sans-serif</family><prefer><family>DejaVu Sans</family></prefer></alias>
  <alias><family>serif</family><prefer><family>DejaVu Serif</family></prefer></alias>
  <alias><family>monospace</family><prefer><family>DejaVu Sans Mono</family></prefer></alias>
</fontconfig>
`, layer, app)
}

// Document returns the bill of materials of the files in a folder.
func (d Desktop) Document(dir string) (*sbom.Document, error) {
	document := &sbom.Document{Subject: sbom.Component{Name: "desktop"}}
	for _, one := range d.packages {
		copyright, err := tree.ReadFile(filepath.Join(dir, "licences", one.Name, "copyright"))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("reading the licences of %s: %w", one.Name, err)
		}
		document.Components = append(document.Components, sbom.Component{
			Name: one.Name, Version: one.Version, PURL: one.Purl, SHA256: one.SHA256, Licenses: archive.Licences(string(copyright)),
		})
	}
	return document, nil
}
