package install

import (
	"context"
	"path/filepath"
	"strings"
)

// Names returns the names of the packages that are installed, as indexes have them. Contribute comes before it.
func (i *Installer) Names(ctx context.Context) ([]string, error) {
	dir, err := i.All(ctx)
	if err != nil {
		return nil, err
	}
	infos, err := filepath.Glob(filepath.Join(dir, i.site(), "*"+infoSuffix))
	if err != nil {
		return nil, err
	}
	var names []string
	for _, info := range infos {
		name, _, _ := strings.Cut(filepath.Base(info), "-") // a hyphen of the name is written as _ there
		names = append(names, Normalized(name))
	}
	return names, nil
}
