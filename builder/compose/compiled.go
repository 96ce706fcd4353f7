package compose

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/klauspost/compress/gzip"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

const (
	// compiledDir is the folder, beside builder.toml, that an installed suite has in place of sources.
	compiledDir = "compiled"
	// compiledKey is what compiled layers are kept under: there are no sources to compare them with.
	compiledKey = "compiled"
	suiteFile   = "suite.json"
)

// Compiled says what an installed suite was compiled from. It is compiled/suite.json beside builder.toml.
type Compiled struct {
	ID    string `json:"id"`    // hash of all files of the installed suite except this one, in hexadecimal
	Go    string `json:"go"`    // release that compiled it: "go1.26.8"
	Patch string `json:"patch"` // of the version of every buildpack

	dir string
}

// ReadCompiled reads what the installed suite in a folder was compiled from. It returns nil for a checkout, which has sources.
func ReadCompiled(root string) (*Compiled, error) {
	dir := filepath.Join(root, compiledDir)
	text, err := os.ReadFile(filepath.Join(dir, suiteFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	c := Compiled{dir: dir}
	if err == nil {
		err = json.Unmarshal(text, &c)
	}
	if err != nil {
		return nil, damaged(root, suiteFile, err)
	}
	return &c, nil
}

func damaged(root, file string, err error) error {
	return fault.Fault{
		ID: "builder-compiled", What: fmt.Sprintf("%s of the suite that is installed in %s is damaged", file, root),
		Do: "install it again", Err: err,
	}
}

// layer returns a layer that was compiled. It lies there as it is: an archive of the suite compresses all better.
func (c *Compiled) layer(name string) (blob, error) {
	data, err := os.ReadFile(filepath.Join(c.dir, name+".tar"))
	if err != nil {
		return blob{}, damaged(filepath.Dir(c.dir), name+".tar", err)
	}
	rec, ok := readRecord(filepath.Join(c.dir, name+".json"), compiledKey)
	if !ok || digestOf(data) != rec.DiffID {
		return blob{}, damaged(filepath.Dir(c.dir), name+".tar", nil)
	}
	b := blob{digest: rec.Digest, diffID: rec.DiffID}
	if b.data, err = compress(data); err != nil {
		return blob{}, err
	}
	if digestOf(b.data) != rec.Digest {
		return blob{}, damaged(filepath.Dir(c.dir), name+".json", nil)
	}
	return b, nil
}

// keepPlain writes a layer for an installed suite, not compressed, into a folder.
func keepPlain(dir, name string, b blob) error {
	compressed, err := gzip.NewReader(bytes.NewReader(b.data))
	if err != nil {
		return fmt.Errorf("writing the suite: %w", err)
	}
	data, err := io.ReadAll(compressed)
	if err != nil {
		return fmt.Errorf("writing the suite: %w", err)
	}
	if err := replace(filepath.Join(dir, name+".tar"), data); err != nil {
		return err
	}
	return writeRecord(filepath.Join(dir, name+".json"), compiledKey, b)
}

// compiledLayer returns a layer of programs for an architecture: of an installed suite the one that it has, of a checkout the one that
// its sources make. The key hashes the flags and the files in some folders of the checkout.
func (b *Builder) compiledLayer(name, arch string, flags, folders []string, entries func() ([]entry, error)) (blob, error) {
	name += "-" + arch
	if b.compiled != nil {
		return b.compiled.layer(name)
	}
	key, err := sourceKey(b.Root, append([]string{b.compiler.version, arch}, flags...), folders...)
	if err != nil {
		return blob{}, err
	}
	return b.cache.layer(name, key, entries)
}

// ReadFor is Read for an architecture, without a build image. Of the options, Root and Config are needed. No image can be made of it.
func ReadFor(o Options, arch string) (*Builder, error) {
	return read(o, func(b *Builder) error { b.arch = arch; return nil })
}

// Version returns the version of the suite: that of its first buildpack.
func (b *Builder) Version() string { return b.buildpacks[0].Info.Version }

// Compile writes an installed suite for the builder's architecture into a new or empty folder: all that the builder and the stacks are
// made from, with compiled layers in place of sources.
func (b *Builder) Compile(ctx context.Context, dir string) error {
	if entries, err := os.ReadDir(dir); err == nil && len(entries) > 0 {
		return fault.Fault{ID: "builder-folders", What: dir + " is not empty", Do: "name a new or an empty folder"}
	}
	made := filepath.Join(dir, compiledDir)
	if err := os.MkdirAll(made, 0o755); err != nil {
		return fmt.Errorf("writing the suite: %w", err)
	}
	layers := map[string]func(context.Context) (blob, error){"lifecycle-" + b.arch: b.lifecycleLayer, "suite-" + b.arch: b.suiteLayer}
	for _, arch := range b.others() {
		layers["programs-"+arch] = func(ctx context.Context) (blob, error) { return b.foreignLayer(ctx, arch) }
	}
	for name, layer := range layers {
		content, err := layer(ctx)
		if err != nil {
			return err
		}
		if err := keepPlain(made, name, content); err != nil {
			return err
		}
	}
	return b.writeDefinitions(dir)
}

// writeDefinitions writes what is read of a suite, and what it is.
func (b *Builder) writeDefinitions(dir string) error {
	files := []string{"builder.toml", "builder/lifecycle/" + lifecycleToml}
	for _, bp := range b.buildpacks {
		files = append(files, bp.uri+"/buildpack.toml")
	}
	slices.Sort(files)
	for _, name := range files {
		to := filepath.Join(dir, filepath.FromSlash(name))
		content, err := os.ReadFile(filepath.Join(b.Root, filepath.FromSlash(name)))
		if err == nil {
			err = os.MkdirAll(filepath.Dir(to), 0o755)
		}
		if err == nil {
			err = os.WriteFile(to, content, 0o644)
		}
		if err != nil {
			return fmt.Errorf("writing the suite: %w", err)
		}
	}
	stacks := filepath.Join("stacks", "images")
	if err := os.CopyFS(filepath.Join(dir, stacks), os.DirFS(filepath.Join(b.Root, stacks))); err != nil {
		return fmt.Errorf("writing the suite: %w", err)
	}
	id, err := hashFiles(dir)
	if err != nil {
		return fmt.Errorf("writing the suite: %w", err)
	}
	text, err := json.MarshalIndent(Compiled{ID: id, Go: b.compiler.version, Patch: b.patch}, "", "  ")
	if err != nil {
		return fmt.Errorf("internal error: describing the suite: %w", err)
	}
	return replace(filepath.Join(dir, compiledDir, suiteFile), append(text, '\n'))
}

// hashFiles returns a hash of the names and the contents of all files in a folder.
func hashFiles(dir string) (string, error) {
	sum := sha256.New()
	err := fs.WalkDir(os.DirFS(dir), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		content, err := os.ReadFile(filepath.Join(dir, name))
		fmt.Fprintf(sum, "%q %x\n", name, sha256.Sum256(content))
		return err
	})
	return hex.EncodeToString(sum.Sum(nil)), err
}
