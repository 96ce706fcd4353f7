package assemble

import (
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/strata-buildpacks/strata/buildpacks/kit/deb"
	"github.com/strata-buildpacks/strata/buildpacks/kit/deb/archive"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fetch"
	"github.com/strata-buildpacks/strata/buildpacks/kit/sbom"
	"github.com/strata-buildpacks/strata/stacks/internal/layer"
)

// Options are what Build and Update work on.
type Options struct {
	// Dir is the folder with the stacks, their locks, slices and shared layers.
	Dir string
	// Base is another such folder. Stacks of Dir may stand on its stacks. "" means that there is none.
	Base string
	// Names are the stacks. nil means all stacks of Dir, sorted.
	Names []string
	// Archs are the architectures, which Debian and OCI call alike. nil means amd64.
	Archs []string
	// Cache holds verified downloads and finished layers. It may be deleted at any time.
	Cache string
	// Locked makes it an error that a locked package cannot be had. Otherwise its newest version is taken.
	Locked bool
	// Check keeps Update from writing anything.
	Check bool
	// Progress hears of downloads, Log of what a person should know. Both may be nil.
	Progress fetch.Progress
	Log      func(string)
	// Getenv and Etc say where the mirrors are configured. nil and "" mean os.Getenv and /etc/apt.
	Getenv func(string) string
	Etc    string
	// Now is the time at which signatures have to be valid. Zero means the present.
	Now time.Time

	// keys stand in for the committed archive keys in tests.
	keys openpgp.EntityList
}

// Image is a finished image.
type Image struct {
	// Name is the stack's name, Ref the image's name with its tag.
	Name, Ref string
	Image     v1.Image
	// Drift lists the packages that are not the locked ones. If there are any, the digest is not the committed one.
	Drift []Drift
	// Layers are the image's layers, lowest first.
	Layers []LayerInfo
	// SBOM lists the packages of all layers, and Debian.
	SBOM sbom.Document
}

// LayerInfo is what a person wants to know about a layer.
type LayerInfo struct {
	// Name is <stack>/<layer>.
	Name, Comment string
	Digest        v1.Hash
	// Size and UncompressedSize are in bytes.
	Size, UncompressedSize int64
	// Drift lists the layer's packages that are not the locked ones.
	Drift []Drift
}

// Drift is a package whose locked version the mirror has dropped.
type Drift struct{ Package, Locked, Used string }

func (o *Options) defaults() error {
	if o.Archs == nil {
		o.Archs = []string{"amd64"}
	}
	if o.Log == nil {
		o.Log = func(string) {}
	}
	if o.Progress == nil {
		o.Progress = func(string, int64, int64) {}
	}
	if o.Getenv == nil {
		o.Getenv = os.Getenv
	}
	if o.Etc == "" {
		o.Etc = "/etc/apt"
	}
	if o.Now.IsZero() {
		o.Now = time.Now()
	}
	var err error
	o.Names, err = o.Stacks()
	return err
}

// Stacks returns Names or, if they are nil, the names of all stacks of Dir, sorted.
func (o *Options) Stacks() ([]string, error) {
	if o.Names != nil {
		return o.Names, nil
	}
	found, err := filepath.Glob(filepath.Join(o.Dir, "*", "stack.toml"))
	var names []string
	for _, f := range found {
		names = append(names, filepath.Base(filepath.Dir(f)))
	}
	slices.Sort(names)
	return names, err
}

// load reads a stack of Dir or of Base.
func (o *Options) load(name string) (*Stack, error) {
	if o.Base == "" {
		return Load(name, o.Dir)
	}
	return Load(name, o.Dir, o.Base)
}

// MirrorVariables returns variables by which a build finds the mirrors that env and apt's configuration below etc name. It
// leaves out addresses with a login, which a builder would show to everybody.
func MirrorVariables(env func(string) string, etc string) (map[string]string, error) {
	mirrors, err := archive.Configured(env, etc)
	variables := map[string]string{}
	for name, addresses := range mirrors {
		addresses = slices.DeleteFunc(addresses, func(address string) bool {
			u, err := url.Parse(address)
			return err != nil || u.User != nil
		})
		if len(addresses) > 0 {
			variables[deb.Variables[name]] = strings.Join(addresses, " ")
		}
	}
	return variables, err
}

func (o *Options) client() *fetch.Client {
	return fetch.New(o.Cache, fetch.WithProgress(o.Progress))
}

// source finds the mirrors. Only a build that has to fetch something calls it: a warm cache needs no mirror.
func (o *Options) source(client *fetch.Client) (archive.Source, error) {
	m, err := archive.FindMirrors(o.Getenv, o.Etc)
	return archive.Source{Mirrors: m, Client: client, Keys: o.keys, Now: o.Now}, err
}

// Indexes finds the mirrors from which Update reads the signed indexes. Downloads are kept in a folder.
func Indexes(cache string) (archive.Source, error) {
	o := Options{Cache: cache}
	if err := o.defaults(); err != nil {
		return archive.Source{}, err
	}
	return o.source(o.client())
}

// layerDir returns the folder of a layer in the cache, by the layer's key.
func (o *Options) layerDir(key string) string {
	return filepath.Join(o.Cache, "layers", layer.Compressor, key)
}
