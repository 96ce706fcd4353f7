// Package assemble makes run images and build images from signed Debian packages: without Docker, without root, and with the
// same digests everywhere.
package assemble

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

// Stack is a stack.toml, in which people describe one image. Where it says nothing of codename, version, distro, id, user,
// workdir and env, they are as in its base.
type Stack struct {
	// Name is the name of the stack's folder, dir the folder above that, base the stack below.
	Name string `toml:"-"`
	dir  string
	base *Stack
	// Image is the image's name with its tag. The tag is the Debian release and never anything finer: the lifecycle refuses
	// to rebase onto another tag.
	Image string `toml:"image"`
	// Description ends up in labels.
	Description string `toml:"description"`
	// Base is the stack whose layers come first, byte for byte. It may be empty. A stack with a base may have no layer of its
	// own: then it has the same files under another name or id, and no lock.
	Base string `toml:"base"`
	// Codename is the Debian release, such as "trixie", and Version its number, such as "13".
	Codename string `toml:"codename"`
	Version  string `toml:"version"`
	// Distro is the name that buildpacks see as CNB_TARGET_DISTRO_NAME. A build image has none.
	Distro string `toml:"distro"`
	// ID is the value of the label io.buildpacks.stack.id and, in a build image, of CNB_STACK_ID. Most stacks have none. kpack
	// wants the same one on the run image and the build image, and names no target: its buildpacks know the run image by it.
	ID string `toml:"id"`
	// User is numeric, uid:gid.
	User    string            `toml:"user"`
	WorkDir string            `toml:"workdir"`
	Env     map[string]string `toml:"env"`
	// Whole takes packages whole and with all that they need, instead of slices of them.
	Whole bool `toml:"whole"`
	// LockOnly is set where there is no image: the stack is a list of packages, and a buildpack unpacks those of its lock. Unless it is
	// Whole, they are those that are named, without what they need.
	LockOnly bool `toml:"lock-only"`
	// Drop are patterns of files that a whole stack leaves out, besides documentation. A leading ! keeps files.
	Drop   []string `toml:"drop"`
	Layers []Layer  `toml:"layer"`
}

// Layer is a layer of a stack: packages, and what no package has.
type Layer struct {
	// Use is the name of a file of layers/ with the whole layer. Several stacks can use it.
	Use  string `toml:"use" json:",omitempty"`
	Name string `toml:"name"`
	// file is the file in which people write the layer.
	file string
	// Comment says in the image's history what the layer is.
	Comment  string   `toml:"comment"`
	Packages []string `toml:"packages"`
	// Dependencies takes along what the packages need and no lower layer has. Packages without a slice are then whole. A layer
	// of a whole stack does so always.
	Dependencies bool `toml:"dependencies" json:",omitempty"`
	// Omit are packages that are left out although others depend on them.
	Omit    []string `toml:"omit" json:",omitempty"`
	Dirs    []Dir    `toml:"dir"`
	Links   []Link   `toml:"link"`
	Texts   []Text   `toml:"text"`
	Bundles []Bundle `toml:"bundle"`
	// Applets are links to programs that are several in one.
	Applets []Applets `toml:"applets" json:",omitempty"`
	// JavaStore is the path of a Java key store. It gets the certificates of the bundle of the layers below.
	JavaStore string `toml:"java-store" json:",omitempty"`
	// Certificates are files in PEM, relative to the stack's folder. Programs trust them too.
	Certificates []string `toml:"certificates" json:",omitempty"`
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
	// Append puts the text at the end of what the layers below have at the path.
	Append bool `toml:"append" json:",omitempty"`
}

// Applets are the names of a program that does what its name says. They are symbolic links beside it.
type Applets struct {
	Program string   `toml:"program"`
	Names   []string `toml:"names"`
}

// Bundle is one file of all files of a package that match a pattern, in the order of their paths.
type Bundle struct {
	Path    string `toml:"path"`
	Package string `toml:"package"`
	From    string `toml:"from"`
}

// Load reads <dir>/<name>/stack.toml and the stacks below it, each from the first of the folders that has it.
func Load(name string, dirs ...string) (*Stack, error) {
	return load(name, dirs, nil)
}

func load(name string, dirs, above []string) (*Stack, error) {
	s := &Stack{Name: name}
	var path string
	for _, s.dir = range dirs {
		path = filepath.Join(s.dir, name, "stack.toml")
		err := decode(path, s)
		if err == nil {
			break
		}
		if !errors.Is(err, os.ErrNotExist) {
			return nil, err
		}
		path = ""
	}
	if path == "" {
		return nil, fault.Fault{
			ID:   "stack-unknown",
			What: fmt.Sprintf("stack %q", name),
			Err:  fmt.Errorf("there is no %s", filepath.Join(dirs[0], name, "stack.toml")),
			Do:   "name one of the folders in " + strings.Join(dirs, " or ") + " that has a stack.toml",
		}
	}
	if s.Base != "" {
		above = append(above, name)
		if slices.Contains(above, s.Base) {
			return nil, fault.Fault{
				ID:   "stack-cycle",
				What: "stack " + above[0],
				Err:  fmt.Errorf("its bases go in a circle: %s", strings.Join(append(above, s.Base), ", ")),
				Do:   "correct base in a stack.toml",
			}
		}
		var err error
		if s.base, err = load(s.Base, dirs, above); err != nil {
			return nil, err
		}
		s.inherit()
	}
	if err := s.use(dirs); err != nil {
		return nil, err
	}
	if err := s.check(); err != nil {
		return nil, fault.Fault{ID: "stack-invalid", What: path, Err: err, Do: "correct the file"}
	}
	return s, nil
}

// inherit fills in what the stack leaves to its base.
func (s *Stack) inherit() {
	for mine, theirs := range map[*string]string{
		&s.Codename: s.base.Codename, &s.Version: s.base.Version, &s.Distro: s.base.Distro,
		&s.ID: s.base.ID, &s.User: s.base.User, &s.WorkDir: s.base.WorkDir,
	} {
		if *mine == "" {
			*mine = theirs
		}
	}
	env := map[string]string{}
	maps.Copy(env, s.base.Env)
	maps.Copy(env, s.Env)
	s.Env = env
}

// use replaces a layer that only names layers/<name>.toml by the content of that file.
func (s *Stack) use(dirs []string) error {
	for i, l := range s.Layers {
		s.Layers[i].file = s.Name + "/stack.toml"
		if l.Use == "" {
			continue
		}
		s.Layers[i].file = "layers/" + l.Use + ".toml"
		var found bool
		for _, dir := range dirs {
			err := decode(filepath.Join(dir, "layers", l.Use+".toml"), &s.Layers[i])
			if err != nil && !errors.Is(err, os.ErrNotExist) {
				return err
			}
			if found = err == nil; found {
				break
			}
		}
		if !found {
			return fault.Fault{
				ID:   "layer-unknown",
				What: filepath.Join(s.dir, s.Name, "stack.toml"),
				Err:  fmt.Errorf("there is no layers/%s.toml", l.Use),
				Do:   "correct use, or write that file",
			}
		}
	}
	return nil
}

func (s *Stack) check() error {
	needed := map[string]string{"codename": s.Codename, "version": s.Version}
	if !s.LockOnly {
		needed["image"], needed["user"] = s.Image, s.User
	}
	for key, value := range needed {
		if value == "" {
			return fmt.Errorf("%s is missing", key)
		}
	}
	if strings.Contains(s.Version, ".") {
		return fmt.Errorf("version %q is a point release: the lifecycle refuses to rebase from one to the next", s.Version)
	}
	if len(s.Layers) == 0 && s.base == nil {
		return errors.New("it has no [[layer]] and no base")
	}
	if s.base != nil && (s.Codename != s.base.Codename || s.Version != s.base.Version) {
		return fmt.Errorf("it is of another Debian release than its base %s", s.Base)
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
	for _, x := range l.Applets {
		out = append(out, x.Program)
	}
	if l.JavaStore != "" {
		out = append(out, l.JavaStore)
	}
	return out
}

// decode reads a TOML file strictly: an unknown key is an error.
func decode(path string, into any) error {
	meta, err := toml.DecodeFile(path, into)
	if err != nil {
		if errors.Is(err, os.ErrNotExist) {
			return err
		}
		return fault.Fault{ID: "toml-invalid", What: path, Err: err, Do: "correct the file"}
	}
	if unknown := meta.Undecoded(); len(unknown) > 0 {
		return fault.Fault{
			ID:   "toml-unknown-key",
			What: path,
			Err:  fmt.Errorf("the key %q is not known", unknown[0].String()),
			Do:   "remove or correct it",
		}
	}
	return nil
}
