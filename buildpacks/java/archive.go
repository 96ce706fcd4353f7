package java

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/java/artifact"
	"github.com/strata-buildpacks/strata/buildpacks/java/jdk"
	"github.com/strata-buildpacks/strata/buildpacks/java/startup"
	"github.com/strata-buildpacks/strata/buildpacks/kit/command"
	"github.com/strata-buildpacks/strata/buildpacks/kit/config"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/layer"
	"github.com/strata-buildpacks/strata/buildpacks/kit/tree"
)

// archiveKey is everything that the layer of the archive depends on.
type archiveKey struct {
	Recipe  int               `json:"recipe"`
	Kind    startup.Kind      `json:"kind"`
	Options []string          `json:"options"`
	Main    []string          `json:"main"`
	Layers  map[string]string `json:"layers"` // keys of what it is made of, by their names
}

// archive makes the layer of the archive by which the app starts faster, if one is asked for, and returns the option by which Java uses it.
func (b build) archive(ctx context.Context, start artifact.Start, options, main []string) ([]string, error) {
	kind := b.plan.archive
	if kind == "" {
		return nil, nil
	}
	if err := checkFolders(start.ClassPath); err != nil {
		return nil, err
	}
	key := archiveKey{Recipe: recipe, Kind: kind, Options: options, Main: main, Layers: map[string]string{}}
	var folders []string
	for _, l := range b.Layers.Layers() {
		if l.Flags.Launch && l.Name != startLayer {
			key.Layers[l.Name] = l.Key
			folders = append(folders, l.Path)
		}
	}
	l, err := b.Layers.Contribute(ctx, layer.Request{
		Name: "archive", Flags: layer.Flags{Launch: true}, Key: key,
		Fill: func(ctx context.Context, l *layer.Layer) error {
			cache, err := b.lists(ctx, key)
			if err != nil {
				return err
			}
			home, remove, err := command.Home()
			if err != nil {
				return err
			}
			defer remove()
			dir := filepath.Join(home, "app") // what the app writes is not the image's
			if err := tree.Copy(b.AppDir, dir); err != nil {
				return fmt.Errorf("copying the app's folder: %w", err)
			}
			java := filepath.Join(b.Layers.Path(), jdk.Home)
			run := startup.Run{
				Java: filepath.Join(java, "bin", "java"), Options: options, Main: main, Folders: folders, Dir: dir, Log: b.Log,
				Env: b.seen().With(config.Environment{"HOME": home, "JAVA_HOME": java, "PATH": filepath.Join(java, "bin") + ":" + b.Env["PATH"]}),
			}
			if start.Spring {
				run.Train = []string{"-Dspring.context.exit=onRefresh"}
			}
			return startup.Make(ctx, run, kind, l.Path, cache)
		},
	})
	if err != nil {
		return nil, err
	}
	return []string{startup.Option(kind, l.Path)}, nil
}

// lists returns the folder of a cache in which the list of classes for a key is.
func (b build) lists(ctx context.Context, key archiveKey) (string, error) {
	cache, err := b.Cache(ctx, "java-classes")
	if err != nil {
		return "", err
	}
	text, err := json.Marshal(key)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(text)
	name := hex.EncodeToString(sum[:])
	if err := tree.Empty(cache, name); err != nil {
		return "", fmt.Errorf("removing old lists of classes: %w", err)
	}
	dir := filepath.Join(cache, name)
	return dir, os.MkdirAll(dir, 0o755)
}

// hidden matches variables of the build that no app sees at launch: the platform's, and options of Java, which would be in the archive.
var hidden = regexp.MustCompile(`^((CNB|BP|BPL|BPE|STRATA)_.*|HOSTNAME|JAVA_TOOL_OPTIONS|JDK_JAVA_OPTIONS|_JAVA_OPTIONS)$`)

// seen returns what the app sees of the build's environment.
func (b build) seen() config.Environment {
	seen := maps.Clone(b.Env)
	maps.DeleteFunc(seen, func(name, _ string) bool { return hidden.MatchString(name) })
	return seen
}

// checkFolders refuses an archive for a class path with folders, of which Java makes none.
func checkFolders(paths []string) error {
	for _, path := range paths {
		if !strings.HasSuffix(path, ".jar") {
			return fault.Fault{ID: "java-archive-folder", What: "the class path has the folder " + path + ", and Java makes archives of jars alone",
				Do: "build without BP_JVM_AOTCACHE_ENABLED and BP_JVM_CDS_ENABLED"}
		}
	}
	return nil
}
