package assemble

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/BurntSushi/toml"

	"github.com/strata-buildpacks/strata/buildpacks/kit/deb"
	"github.com/strata-buildpacks/strata/buildpacks/kit/deb/archive"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/stacks/internal/layer"
)

// lockFile is a lock-<arch>.toml. It says exactly which packages a stack is made of, and holds no address.
type lockFile struct {
	// Date is the date of the newest signed index, in UTC.
	Date       time.Time       `toml:"date"`
	Compressor string          `toml:"compressor,omitempty"`
	Suites     []lockedSuite   `toml:"suite"`
	Packages   []lockedPackage `toml:"package"`
}

// lockedSuite is a signed index from which the lock was made.
type lockedSuite struct {
	Name    string    `toml:"name"`
	Archive string    `toml:"archive"`
	Date    time.Time `toml:"date"`
	// SHA256 is the hash of the InRelease file, Signers are the fingerprints of the keys that signed it.
	SHA256  string   `toml:"sha256"`
	Signers []string `toml:"signers"`
}

type lockedPackage struct {
	deb.Locked
	// Slice is the hash of the file that says what the layer takes of the package. It is empty in a whole stack.
	Slice string `toml:"slice,omitempty"`
}

func (s *Stack) lockPath(arch string) string {
	return filepath.Join(s.dir, s.Name, "lock-"+arch+".toml")
}

func loadLock(s *Stack, arch string) (*lockFile, error) {
	path := s.lockPath(arch)
	var l lockFile
	if err := decode(path, &l); err != nil {
		if errors.Is(err, os.ErrNotExist) {
			return nil, fault.Fault{
				ID:   "lock-missing",
				What: "stack " + s.Name,
				Err:  fmt.Errorf("there is no %s", path),
				Do:   "run strata stack update " + s.Name,
			}
		}
		return nil, err
	}
	return &l, nil
}

// covers checks that the lock was made for this stack.toml. below has the packages of the base.
func (l *lockFile) covers(s *Stack, below map[string]string) error {
	if l.Compressor != layer.Compressor {
		return fmt.Errorf("it was made for the compressor %q, this is %q", l.Compressor, layer.Compressor)
	}
	layers := map[string]bool{}
	for _, def := range s.Layers {
		layers[def.Name] = true
		have := map[string]bool{}
		for _, p := range l.layer(def.Name) {
			have[p.Name] = true
		}
		for _, want := range def.Packages {
			_, isBelow := below[want]
			// In a whole stack, a dependency of a lower layer may have brought the package there.
			locked := have[want] || s.Whole && slices.ContainsFunc(l.Packages, func(p lockedPackage) bool { return p.Name == want })
			if !isBelow && !locked {
				return fmt.Errorf("stack.toml has package %s in layer %s, and the lock lacks it", want, def.Name)
			}
		}
		if !s.Whole && !def.Dependencies && len(have) > len(def.Packages) {
			return fmt.Errorf("the lock has more packages in layer %s than stack.toml", def.Name)
		}
	}
	for _, p := range l.Packages {
		if !layers[p.Layer] {
			return fmt.Errorf("it has package %s in layer %q, which stack.toml lacks", p.Name, p.Layer)
		}
	}
	return nil
}

// encode returns the lock as it is on disk.
func (l *lockFile) encode() ([]byte, error) {
	var b bytes.Buffer
	b.WriteString(header + "\n")
	e := toml.NewEncoder(&b)
	e.Indent = ""
	if err := e.Encode(l); err != nil {
		return nil, fmt.Errorf("encoding the lock: %w", err)
	}
	return b.Bytes(), nil
}

// layer returns the packages of one layer.
func (l *lockFile) layer(name string) []lockedPackage {
	var out []lockedPackage
	for _, p := range l.Packages {
		if p.Layer == name {
			out = append(out, p)
		}
	}
	return out
}

func lockPackage(p *archive.Package, version, layer, slice string) lockedPackage {
	locked := p.Locked(version)
	locked.Layer = layer
	return lockedPackage{locked, slice}
}
