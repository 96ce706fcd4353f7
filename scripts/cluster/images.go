package main

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// kpackPrograms are the programs of kpack that have an image each.
var kpackPrograms = []string{"build-init", "build-waiter", "completion", "controller", "rebase", "webhook"}

// pushPrograms pushes an image for each program of kpack, all of one layer, and that of what begins every pod.
func (c *cluster) pushPrograms(ctx context.Context) error {
	files := map[string]string{}
	for _, program := range kpackPrograms {
		files["cnb/process/"+program] = c.program(program)
	}
	layer, err := c.layer("kpack.tar", files)
	if err != nil {
		return err
	}
	for _, program := range kpackPrograms {
		if err := c.pushProgram(ctx, "kpack/"+program+":1", "/cnb/process/"+program, layer); err != nil {
			return err
		}
	}
	if layer, err = c.layer("pause.tar", map[string]string{"pause": filepath.Join(filepath.Dir(c.strata), "pause")}); err != nil {
		return err
	}
	return c.pushProgram(ctx, "pause:1", "/pause", layer)
}

// pushProgram pushes an image that starts a program as an ordinary user.
func (c *cluster) pushProgram(ctx context.Context, to, program string, layer v1.Layer) error {
	image, err := mutate.AppendLayers(empty.Image, layer)
	if err != nil {
		return err
	}
	config, err := image.ConfigFile()
	if err != nil {
		return err
	}
	config.OS, config.Architecture = "linux", architecture
	config.Config = v1.Config{Entrypoint: []string{program}, User: "1000:1000"}
	if image, err = mutate.ConfigFile(image, config); err != nil {
		return err
	}
	return c.push(ctx, to, image)
}

// layer writes a layer of programs, beside a folder for temporary files.
func (c *cluster) layer(file string, programs map[string]string) (v1.Layer, error) {
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: "tmp/", Mode: 0o1777}); err != nil {
		return nil, err
	}
	for to, from := range programs {
		content, err := os.ReadFile(from)
		if err != nil {
			return nil, err
		}
		if err := w.WriteHeader(&tar.Header{Name: to, Mode: 0o755, Size: int64(len(content))}); err != nil {
			return nil, err
		}
		if _, err := w.Write(content); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	if err := c.write(archive.Bytes(), file); err != nil {
		return nil, err
	}
	return tarball.LayerFromFile(c.path(file))
}

// push and pull write and read images of the cluster's registry.
func (c *cluster) push(ctx context.Context, to string, image v1.Image) error {
	ref, err := name.ParseReference(registry + "/" + to)
	if err != nil {
		return err
	}
	return remote.Write(ref, image, remote.WithContext(ctx))
}

func (c *cluster) pull(ctx context.Context, from string) (v1.Image, error) {
	ref, err := name.ParseReference(registry + "/" + from)
	if err != nil {
		return nil, err
	}
	return remote.Image(ref, remote.WithContext(ctx))
}

// value is a place in kpack's manifests that a release fills in, such as data.values.build_init.image.
var value = regexp.MustCompile(`#@ data\.values\.(?:(kpack_version)|([a-z_]+)\.image)`)

// manifest fills a manifest of kpack in, with the images of the cluster's registry.
func manifest(text string) string {
	return value.ReplaceAllStringFunc(text, func(place string) string {
		program := value.FindStringSubmatch(place)[2]
		if program == "" {
			return `"1"`
		}
		return registry + "/kpack/" + strings.ReplaceAll(program, "_", "-") + ":1"
	})
}

// installKpack applies kpack's own manifests and waits for its programs.
func (c *cluster) installKpack(ctx context.Context) error {
	files, err := filepath.Glob(c.program("config/*.yaml"))
	if err != nil {
		return err
	}
	var all []string
	for _, file := range files {
		// The first is no manifest. The second is a lifecycle for builders that name none; ours do.
		if slices.Contains([]string{"schema.yaml", "default_clusterlifecycle.yaml"}, filepath.Base(file)) {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		all = append(all, manifest(string(text)))
	}
	if len(all) == 0 {
		return fmt.Errorf("%s has no manifests of kpack", c.program("config"))
	}
	if err := c.apply(ctx, []byte(strings.Join(all, "\n---\n"))); err != nil {
		return err
	}
	_, err = c.kubectl(ctx, nil, "rollout", "status", "-n", "kpack", "deployment/kpack-controller", "--timeout=5m")
	if err != nil {
		return err
	}
	_, err = c.kubectl(ctx, nil, "rollout", "status", "-n", "kpack", "deployment/kpack-webhook", "--timeout=5m")
	return err
}
