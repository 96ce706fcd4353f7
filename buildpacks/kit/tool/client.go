package tool

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fetch"
	"github.com/strata-buildpacks/strata/buildpacks/kit/tree"
)

// Client returns a client for the downloads of a build. It uses the dependency mirrors and the logins that the platform
// gives, keeps its files in a folder, and logs its progress under a title.
func Client(in bp.Workspace, dir, title string) (*fetch.Client, error) {
	mirrors, err := mirrors(in)
	if err != nil {
		return nil, err
	}
	var logins []byte
	for _, b := range in.Bindings("netrc") {
		file, err := netrc(b)
		if err != nil {
			return nil, err
		}
		text, err := tree.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("reading the logins of binding %s: %w", b.Name, err)
		}
		logins = append(append(logins, text...), '\n')
	}
	return fetch.New(dir, fetch.WithMirrors(mirrors), fetch.WithNetrc(logins),
		fetch.WithDebug(in.Log.Debug), fetch.WithProgress(newProgress(in.Log, title).add)), nil
}

// Netrc returns the path of the file .netrc in the only binding of type netrc, "" if there is no such binding.
func Netrc(in bp.Workspace) (string, error) {
	b, found, err := in.Binding("netrc")
	if err != nil || !found {
		return "", err
	}
	return netrc(b)
}

// netrc returns the path of the file .netrc in a binding.
func netrc(b bp.Binding) (string, error) {
	file := filepath.Join(b.Path, ".netrc")
	if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) {
		return "", fault.Fault{ID: "netrc", What: "binding " + b.Name + " has no file .netrc", Do: "put the credentials into it"}
	}
	return file, nil
}
