package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"golang.org/x/sync/errgroup"

	"github.com/strata-buildpacks/strata/builder/platform/attest"
	"github.com/strata-buildpacks/strata/buildpacks/kit/sbom"
)

// latency is how long the registry of the fleet takes for an answer, beside its work.
const latency = 20 * time.Millisecond

// fleet is a registry at the loopback address with many apps on an old run image.
type fleet struct {
	host    string
	apps    int
	delayed atomic.Bool  // answers take latency
	asked   atomic.Int64 // requests
}

// newFleet starts the registry and fills it. Every app has a layer of its own, bills of materials of 50 packages, and provenance.
func newFleet(ctx context.Context, apps int) (*fleet, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	f := &fleet{host: listener.Addr().String(), apps: apps}
	images := registry.New(registry.Logger(log.New(io.Discard, "", 0)), registry.WithReferrersSupport(true))
	server := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.asked.Add(1)
		if f.delayed.Load() {
			time.Sleep(latency)
		}
		if r.URL.Path == "/v2/_catalog" { // this registry shows a first page only
			w.Header().Set("Content-Type", "application/json")
			_ = json.NewEncoder(w).Encode(map[string][]string{"repositories": f.repositories()}) // the client says what it misses
			return
		}
		images.ServeHTTP(w, r)
	})}
	go func() { _ = server.Serve(listener) }() // ends with the program
	old, newer, err := runImages()
	if err != nil {
		return nil, err
	}
	if err := f.push(ctx, "run:13", old); err != nil {
		return nil, err
	}
	group, pushing := errgroup.WithContext(ctx)
	group.SetLimit(16)
	for i := range apps {
		group.Go(func() error { return f.pushApp(pushing, repository(i)+":1", old) })
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return f, f.push(ctx, "run:13", newer)
}

// repositories returns the names of all repositories.
func (f *fleet) repositories() []string {
	all := []string{"run"}
	for i := range f.apps {
		all = append(all, repository(i))
	}
	return all
}

func repository(app int) string { return fmt.Sprintf("shop/app%05d", app) }

// runImages returns a run image of four layers, and the next release of it, of which two are new.
func runImages() (old, newer v1.Image, err error) {
	images := make([]v1.Image, 2)
	for release := range images {
		image := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
		for layer := range 4 {
			content := fmt.Sprintf("layer %d of release %d", layer, release*(layer/2))
			if image, err = mutate.Append(image, mutate.Addendum{Layer: static.NewLayer([]byte(content), types.OCIUncompressedLayer)}); err != nil {
				return nil, nil, err
			}
		}
		config, err := image.ConfigFile()
		if err != nil {
			return nil, nil, err
		}
		config.OS, config.Architecture = "linux", "amd64"
		config.Config.Labels = map[string]string{"io.buildpacks.base.distro.name": "strata-static", "io.buildpacks.base.distro.version": "13"}
		if images[release], err = mutate.ConfigFile(image, config); err != nil {
			return nil, nil, err
		}
	}
	return images[0], images[1], nil
}

func (f *fleet) reference(image string) (name.Reference, error) {
	return name.ParseReference(f.host + "/" + image)
}

func (f *fleet) push(ctx context.Context, image string, content v1.Image) error {
	ref, err := f.reference(image)
	if err != nil {
		return err
	}
	return remote.Write(ref, content, remote.WithContext(ctx))
}

// pushApp pushes an app with what a build attaches to it.
func (f *fleet) pushApp(ctx context.Context, image string, on v1.Image) error {
	ref, err := f.reference(image)
	if err != nil {
		return err
	}
	base, err := f.reference("run:13")
	if err != nil {
		return err
	}
	app, err := newAppImage(image, on, base)
	if err != nil {
		return err
	}
	bill := sbom.Document{Subject: sbom.Component{Name: "run"}}
	for i := range 50 {
		version := strconv.Itoa(i)
		bill.Components = append(bill.Components, sbom.Component{Name: "package" + version, Version: version, PURL: "pkg:npm/package@" + version})
	}
	attached, err := attest.App(ref, app, attest.Base{Ref: base, Image: on, Bill: bill}, attest.Build{
		Builder: attest.Image{Ref: base}, Run: attest.Image{Ref: base},
	}.Provenance())
	if err != nil {
		return err
	}
	digest, err := app.Digest()
	if err != nil {
		return err
	}
	size, err := app.Size()
	if err != nil {
		return err
	}
	if err := remote.Write(ref, app, remote.WithContext(ctx)); err != nil {
		return err
	}
	for _, a := range attached {
		artifact, err := a.Image(v1.Descriptor{MediaType: types.OCIManifestSchema1, Digest: digest, Size: size})
		if err != nil {
			return err
		}
		of, err := artifact.Digest()
		if err != nil {
			return err
		}
		if err := remote.Write(ref.Context().Digest(of.String()), artifact, remote.WithContext(ctx)); err != nil {
			return err
		}
	}
	return nil
}

// newAppImage returns an image as a lifecycle exports it.
func newAppImage(content string, on v1.Image, base name.Reference) (v1.Image, error) {
	app, err := mutate.Append(on, mutate.Addendum{Layer: static.NewLayer([]byte(content), types.OCIUncompressedLayer)})
	if err != nil {
		return nil, err
	}
	digest, err := on.Digest()
	if err != nil {
		return nil, err
	}
	config, err := app.ConfigFile()
	if err != nil {
		return nil, err
	}
	ids := config.RootFS.DiffIDs
	config.Config.Env = []string{"CNB_PLATFORM_API=0.15"}
	config.Config.Labels["io.buildpacks.lifecycle.metadata"] = fmt.Sprintf(`{"app":[{"sha":%q}],"buildpacks":[],"config":{},"launcher":{},`+
		`"process-types":{},"runImage":{"topLayer":%q,"reference":%q,"image":%q}}`,
		ids[len(ids)-1], ids[len(ids)-2], base.Context().Digest(digest.String()), base)
	return mutate.ConfigFile(app, config)
}

// measureFleet rebases a fleet and takes it back, and prints a row for each command.
func measureFleet(ctx context.Context, w io.Writer, apps int) error {
	root, err := os.Getwd()
	if err != nil {
		return err
	}
	b := &bench{dir: filepath.Join(root, dir), bin: filepath.Join(root, ".strata/bin")}
	f, err := newFleet(ctx, apps)
	if err != nil {
		return err
	}
	f.delayed.Store(true)
	moved := filepath.Join(b.dir, "moved")
	if err := os.MkdirAll(b.dir, 0o755); err != nil {
		return err
	}
	fmt.Fprintf(w, "| a fleet of %d apps, %v of latency | seconds | requests | MB of memory |\n| --- | --- | --- | --- |\n", apps, latency)
	for _, args := range [][]string{
		{"fleet", f.host + "/shop", "--json"},
		{"rebase", "--catalogue", f.host + "/shop", "--write-list", moved},
		{"rebase", "--undo", "--from-file", moved},
	} {
		before := f.asked.Load()
		one, _, err := b.time(ctx, root, nil, append([]string{filepath.Join(b.bin, "strata")}, args...)...)
		if err != nil {
			return err
		}
		what := strings.ReplaceAll(strings.Join(args, " "), f.host, "REGISTRY")
		what = strings.ReplaceAll(what, moved, "FILE")
		fmt.Fprintf(w, "| `strata %s` | %.1f | %d | %d |\n", what, one.took.Seconds(), f.asked.Load()-before, one.own>>20)
		if args[0] == "rebase" {
			if err := lines(moved, apps); err != nil {
				return err
			}
		}
	}
	return nil
}

// lines returns an error unless a file has as many lines.
func lines(file string, want int) error {
	content, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if got := strings.Count(string(content), "\n"); got != want {
		return errors.New(strconv.Itoa(got) + " of " + strconv.Itoa(want) + " apps were rebased")
	}
	return nil
}
