// Package assemble makes run images and build images out of signed Debian packages: without Docker, without
// root, and with the same digests everywhere.
package assemble

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/BurntSushi/toml"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

// Stack is a stack.toml: one image, by hand.
type Stack struct {
	// Name is the name of the stack's folder.
	Name string `toml:"-"`
	// Image is the image's name with its tag. The tag is the Debian release and never anything finer:
	// the lifecycle refuses to rebase onto another tag.
	Image string `toml:"image"`
	// Description ends up in labels.
	Description string `toml:"description"`
	// Base is the stack whose layers come first, byte for byte; empty for none.
	Base string `toml:"base"`
	// Codename is the Debian release, such as "trixie"; Version its number, such as "13".
	Codename string `toml:"codename"`
	Version  string `toml:"version"`
	// Distro is the name that buildpacks see as CNB_TARGET_DISTRO_NAME; a build image has none.
	Distro string `toml:"distro"`
	// ID is the value of the label io.buildpacks.stack.id. kpack wants the same one on the run and the build image.
	ID string `toml:"id"`
	// User is numeric, uid:gid.
	User    string            `toml:"user"`
	WorkDir string            `toml:"workdir"`
	Env     map[string]string `toml:"env"`
	// Whole takes packages whole, with all they need, instead of slices of them.
	Whole bool `toml:"whole"`
	// Omit names packages that a whole stack leaves out although others depend on them.
	Omit []string `toml:"omit"`
	// Drop are patterns of files that a whole stack leaves out; a leading ! keeps files after all.
	Drop   []string `toml:"drop"`
	Layers []Layer  `toml:"layer"`
}

// Layer is a layer of a stack: packages, and what no package has.
type Layer struct {
	Name string `toml:"name"`
	// Comment says in the image's history what the layer is.
	Comment  string   `toml:"comment"`
	Packages []string `toml:"packages"`
	Dirs     []Dir    `toml:"dir"`
	Links    []Link   `toml:"link"`
	Texts    []Text   `toml:"text"`
	Bundles  []Bundle `toml:"bundle"`
}

// Dir is a folder with a mode and an owner.
type Dir struct {
	Path string `toml:"path"`
	Mode int64  `toml:"mode"`
	UID  int    `toml:"uid"`
	GID  int    `toml:"gid"`
}

// Link is a symbolic link.
type Link struct {
	Path   string `toml:"path"`
	Target string `toml:"target"`
}

// Text is a file written out in stack.toml. Its mode is 0644, its owner root.
type Text struct {
	Path string `toml:"path"`
	Text string `toml:"text"`
}

// Bundle is one file made of all the files of a package that match a pattern, in the order of their paths.
type Bundle struct {
	Path    string `toml:"path"`
	Package string `toml:"package"`
	From    string `toml:"from"`
}

// Load reads <dir>/<name>/stack.toml.
func Load(dir, name string) (*Stack, error) {
	path := filepath.Join(dir, name, "stack.toml")
	s := &Stack{Name: name}
	if err := decode(path, s); err != nil {
		if errors.Is(err, os.ErrNotExist) {
			return nil, fault.Fault{ID: "stack-unknown", What: fmt.Sprintf("stack %q", name), Err: fmt.Errorf("there is no %s", path),
				Do: "name one of the folders in " + dir + " that has a stack.toml"}
		}
		return nil, err
	}
	if err := s.check(); err != nil {
		return nil, fault.Fault{ID: "stack-invalid", What: path, Err: err, Do: "correct the file"}
	}
	return s, nil
}

func (s *Stack) check() error {
	for key, value := range map[string]string{"image": s.Image, "codename": s.Codename, "version": s.Version, "user": s.User} {
		if value == "" {
			return fmt.Errorf("%s is missing", key)
		}
	}
	if strings.Contains(s.Version, ".") {
		return fmt.Errorf("version %q is a point release: the lifecycle refuses to rebase from one to the next", s.Version)
	}
	if len(s.Layers) == 0 {
		return errors.New("it has no [[layer]]")
	}
	for _, l := range s.Layers {
		if l.Name == "" || l.Comment == "" {
			return errors.New("a [[layer]] lacks its name or comment")
		}
		for _, p := range l.paths() {
			if !strings.HasPrefix(p, "/") || filepath.Clean(p) != p {
				return fmt.Errorf("the path %q is not clean and absolute", p)
			}
		}
	}
	return nil
}

func (l Layer) paths() []string {
	var out []string
	for _, d := range l.Dirs {
		out = append(out, d.Path)
	}
	for _, x := range l.Links {
		out = append(out, x.Path)
	}
	for _, x := range l.Texts {
		out = append(out, x.Path)
	}
	for _, x := range l.Bundles {
		out = append(out, x.Path)
	}
	return out
}

// decode reads a TOML file strictly: a key that means nothing is an error.
func decode(path string, into any) error {
	meta, err := toml.DecodeFile(path, into)
	if err != nil {
		if errors.Is(err, os.ErrNotExist) {
			return err
		}
		return fault.Fault{ID: "toml-invalid", What: path, Err: err, Do: "correct the file"}
	}
	if unknown := meta.Undecoded(); len(unknown) > 0 {
		return fault.Fault{ID: "toml-unknown-key", What: path, Err: fmt.Errorf("the key %q is not known", unknown[0].String()), Do: "remove or correct it"}
	}
	return nil
}
