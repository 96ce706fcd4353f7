package main

import (
	"archive/tar"
	"bytes"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"
	"strings"
	"text/tabwriter"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"github.com/strata-buildpacks/strata/builder/platform/store"
	strataelf "github.com/strata-buildpacks/strata/buildpacks/kit/elf"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

// printHardening prints how each program and shared library is hardened: of a file, of the files of a folder "oci:FOLDER" or of an archive
// that docker save wrote, or else of an image of the store.
func printHardening(w io.Writer, s *store.Store, name string) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "FILE\tKIND\tRELRO\tNX\tCANARY\tFORTIFY\tFAULTS")
	found, err := eachFile(s, name, func(file string, r io.ReaderAt) (bool, error) {
		if r == nil {
			return false, nil
		}
		h, loaded, err := strataelf.ReadHardening(r)
		if err != nil {
			fmt.Fprintf(table, "%s\t%v\n", file, err)
			return true, nil
		}
		if !loaded {
			return false, nil
		}
		nx, faults := "yes", "-"
		if h.ExecStack || h.UntoldStack {
			nx = "no"
		}
		if list := h.Faults(); len(list) > 0 {
			faults = strings.Join(list, ", ")
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", file, h.Kind, h.RELRO, nx, h.Canary, h.Fortify, faults)
		return true, nil
	})
	if err != nil {
		return err
	}
	if found == 0 {
		what := name + " has no program and no shared library"
		return fault.Fault{ID: "hardening-none", What: what, Do: "name a file of ELF or an image that has one"}
	}
	if err := table.Flush(); err != nil {
		return fmt.Errorf("printing the table: %w", err)
	}
	return nil
}

// eachFile calls read with each ELF file, and without a reader for each link, and returns how often it reports true.
func eachFile(s *store.Store, name string, read func(file string, r io.ReaderAt) (bool, error)) (found int, err error) {
	image, err := imageIn(name)
	if err != nil {
		return 0, err
	}
	if image == nil {
		f, err := os.Open(name)
		if err == nil {
			defer f.Close()
			ok, err := read(name, f)
			if ok {
				found = 1
			}
			return found, err
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return 0, err
		}
		if image, err = s.Find(name, store.BuildApp); err != nil {
			return 0, err
		}
	}
	files := mutate.Extract(image)
	defer files.Close()
	archive := tar.NewReader(files)
	for {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return found, nil
		}
		if err != nil {
			return found, fmt.Errorf("reading the files of %s: %w", name, err)
		}
		content, err := elfOf(archive, header)
		if err != nil {
			return found, fmt.Errorf("reading %s of %s: %w", header.Name, name, err)
		}
		var opened io.ReaderAt
		if content != nil {
			opened = bytes.NewReader(content)
		} else if header.Typeflag != tar.TypeSymlink && header.Typeflag != tar.TypeLink {
			continue
		}
		ok, err := read("/"+strings.TrimPrefix(strings.TrimPrefix(header.Name, "."), "/"), opened)
		if err != nil {
			return found, err
		}
		if ok {
			found++
		}
	}
}

// largestELF bounds the files that are read into memory, in bytes. The largest libraries that are published have 3 GB.
const largestELF = 4 << 30

// elfOf returns the content of a file of an archive if it is an ELF file, nil if it is another one.
func elfOf(archive io.Reader, header *tar.Header) ([]byte, error) {
	if header.Typeflag != tar.TypeReg || header.Size < int64(len(elf.ELFMAG)) || header.Size > largestELF {
		return nil, nil
	}
	magic := make([]byte, len(elf.ELFMAG))
	if _, err := io.ReadFull(archive, magic); err != nil || string(magic) != elf.ELFMAG {
		return nil, err
	}
	rest, err := io.ReadAll(archive)
	return append(magic, rest...), err
}

// imageIn returns the image of a folder "oci:FOLDER" or of an archive that docker save wrote, nil for another file or none.
func imageIn(name string) (v1.Image, error) {
	if folder, is := strings.CutPrefix(name, "oci:"); is {
		return imageOfLayout(folder)
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, nil // a name of the store
	}
	defer f.Close()
	if _, err := tar.NewReader(f).Next(); err != nil {
		return nil, nil // no archive
	}
	image, err := tarball.ImageFromPath(name, nil)
	if err != nil {
		return nil, fault.Fault{ID: "hardening-archive", What: name, Err: err, Do: "name an archive of one image, as docker save writes it"}
	}
	return image, nil
}

// imageOfLayout returns the image of an OCI image layout: the only one, or of several the one for this machine's architecture.
func imageOfLayout(folder string) (v1.Image, error) {
	index, err := layout.ImageIndexFromPath(folder)
	var images []v1.Image
	if err == nil {
		images, err = imagesOf(index, 0)
	}
	if err != nil {
		return nil, fault.Fault{ID: "hardening-layout", What: folder + " is no image layout of OCI that can be read", Err: err,
			Do: "name a folder that has index.json, as strata build --output oci:FOLDER writes it"}
	}
	for _, image := range images {
		config, err := image.ConfigFile()
		if err != nil {
			return nil, fmt.Errorf("reading the images of %s: %w", folder, err)
		}
		if len(images) == 1 || config.Architecture == runtime.GOARCH {
			return image, nil
		}
	}
	what := folder + " has no image for " + runtime.GOARCH
	return nil, fault.Fault{ID: "hardening-layout-none", What: what, Do: "name a folder with one image"}
}

// maxNested is how many indexes may be in each other.
const maxNested = 4

// imagesOf returns the images of an index and of the indexes in it, without what is attached to images.
func imagesOf(index v1.ImageIndex, depth int) ([]v1.Image, error) {
	manifest, err := index.IndexManifest()
	if err != nil {
		return nil, err
	}
	var images []v1.Image
	seen := map[v1.Hash]bool{}
	for _, d := range manifest.Manifests {
		switch {
		case seen[d.Digest]: // it has several names
		case d.MediaType.IsIndex() && depth < maxNested:
			inner, err := index.ImageIndex(d.Digest)
			if err != nil {
				return nil, err
			}
			nested, err := imagesOf(inner, depth+1)
			if err != nil {
				return nil, err
			}
			images = append(images, nested...)
		case d.MediaType.IsImage():
			image, err := index.Image(d.Digest)
			if err != nil {
				return nil, err
			}
			described, err := image.Manifest()
			if err != nil {
				return nil, err
			}
			if described.Config.MediaType.IsConfig() {
				images = append(images, image)
			}
		}
		seen[d.Digest] = true
	}
	return images, nil
}
