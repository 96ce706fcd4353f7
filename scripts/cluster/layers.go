package main

import (
	"archive/tar"
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// missing are the layers of an image that another one lacks, by what the image's history says of them, or by their hashes.
func missing(of, in v1.Image) ([]string, error) {
	ours, err := of.ConfigFile()
	if err != nil {
		return nil, err
	}
	theirs, err := in.ConfigFile()
	if err != nil {
		return nil, err
	}
	history := slices.DeleteFunc(slices.Clone(ours.History), func(h v1.History) bool { return h.EmptyLayer })
	var names []string
	for i, layer := range ours.RootFS.DiffIDs {
		if slices.Contains(theirs.RootFS.DiffIDs, layer) {
			continue
		}
		var said string
		if len(history) == len(ours.RootFS.DiffIDs) {
			said = history[i].CreatedBy
		}
		names = append(names, cmp.Or(said, layer.String()))
	}
	return names, nil
}

// otherwise are the layers that Platform API 0.9 makes in another way than the newest.
var otherwise = []string{"Software Bill-of-Materials", "Buildpacks Launcher Config"}

// volumes are the folders of an image whose owner and mode are those of kpack's volumes.
var volumes = []string{"/layers", "/workspace"}

// entries are what a layer has, but the folders of volumes themselves: for each name all that an archive says of it, and a hash.
func entries(layer v1.Layer) (_ map[string]string, err error) {
	content, err := layer.Uncompressed()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, content.Close()) }()
	all := map[string]string{}
	for r := tar.NewReader(content); ; {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return nil, err
		}
		hash := sha256.New()
		if _, err := io.CopyN(hash, r, header.Size); err != nil {
			return nil, err
		}
		if !slices.Contains(volumes, header.Name) {
			all[header.Name] = fmt.Sprintf("%c %o %d:%d %s %d %s %x", header.Typeflag, header.Mode, header.Uid, header.Gid, header.ModTime.UTC(),
				header.Size, header.Linkname, hash.Sum(nil))
		}
	}
}

// compared says of two images of one app, of which the first has a history, how many layers are the same. It is an error if another
// layer, of those that Platform API 0.9 makes as the newest does, has another file.
func compared(ours, kpacks v1.Image) (string, error) {
	config, err := ours.ConfigFile()
	if err != nil {
		return "", err
	}
	history := slices.DeleteFunc(slices.Clone(config.History), func(h v1.History) bool { return h.EmptyLayer })
	a, err := ours.Layers()
	if err != nil {
		return "", err
	}
	b, err := kpacks.Layers()
	if err == nil && (len(a) != len(b) || len(a) != len(history)) {
		err = fmt.Errorf("there are %d layers, and %d of kpack, with a history of %d", len(a), len(b), len(history))
	}
	if err != nil {
		return "", err
	}
	same := 0
	for i := range a {
		if slices.Contains(otherwise, history[i].CreatedBy) {
			continue
		}
		equal, err := sameLayer(a[i], b[i])
		if err != nil {
			return "", fmt.Errorf("%s: %w", history[i].CreatedBy, err)
		}
		if equal {
			same++
		}
	}
	return fmt.Sprintf("%d of %d", same, len(a)), nil
}

// sameLayer says whether two layers have one hash. It is an error if they differ in more than the folders of volumes.
func sameLayer(a, b v1.Layer) (bool, error) {
	left, err := a.DiffID()
	if err != nil {
		return false, err
	}
	right, err := b.DiffID()
	if err != nil || left == right {
		return left == right, err
	}
	ours, err := entries(a)
	if err != nil {
		return false, err
	}
	kpacks, err := entries(b)
	if err != nil || maps.Equal(ours, kpacks) {
		return false, err
	}
	for name, entry := range ours {
		if kpacks[name] != entry {
			return false, fmt.Errorf("%s is %q, of kpack %q", name, entry, kpacks[name])
		}
	}
	return false, errors.New("kpack's layer has more files")
}

// sameLayers builds with strata what kpack has built from the same source. A program of Go has the commit that it was built from.
func (s *suite) sameLayers(ctx context.Context) (string, error) {
	clone := s.path("clone")
	if _, err := output(ctx, nil, "git", "-c", "safe.directory=*", "clone", "-q", s.path("git", "hello.git"), clone); err != nil {
		return "", err
	}
	var all []string
	for _, a := range []struct {
		app
		source string
	}{{site, samples + "/web/plain"}, {hello, clone}, {server, samples + "/node/hello"}} {
		_, err := s.run(ctx, "build", a.source, "-t", registry+"/here/"+a.name, "--output", "registry", "--network", "none",
			"--run-image", a.stack)
		if err != nil {
			return "", err
		}
		ours, err := s.pull(ctx, "here/"+a.name)
		if err != nil {
			return "", err
		}
		kpacks, err := s.pull(ctx, "apps/"+a.name)
		if err != nil {
			return "", err
		}
		same, err := compared(ours, kpacks)
		if err != nil {
			return "", fmt.Errorf("%s: %w", a.name, err)
		}
		all = append(all, a.name+" "+same)
	}
	return "by hash " + strings.Join(all, ", "), nil
}

// sameApp says whether an image has all layers of another one, but one of the run image, which comes first.
func sameApp(before, after v1.Image) error {
	gone, err := missing(before, after)
	if err != nil {
		return err
	}
	added, err := missing(after, before)
	if err == nil && (len(gone) != 1 || len(added) != 1) {
		err = fmt.Errorf("gone are %q, new are %q", gone, added)
	}
	return err
}
