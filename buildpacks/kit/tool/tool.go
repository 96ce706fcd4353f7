// Package tool installs what builds need and images do not: toolchains, runtimes, package managers. Each is installed once,
// for all apps where the platform has a folder for that, and else in a cache of the app's.
//
// Downloads come by way of dependency mirrors, which are named as in Paketo's buildpacks. They are read here and not by
// libpak v2.2.0: only its downloader applies them, it ends with a nil pointer where an address cannot be parsed, and it
// passes over what is neither https nor file with a line that only a debug log has. Here that ends the build.
package tool

import (
	"context"
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

// Tool is something to install.
type Tool struct {
	// Folder is the name of its folder. Under one name there are the same files, whichever app asks for them: what nothing
	// but an app vouches for has a name of its own.
	Folder string
	// Title is what the log calls it: "Go 1.26.8".
	Title string
	// Fill makes it in an empty folder. What it downloads with the client is kept until the tool is complete.
	Fill func(ctx context.Context, client *fetch.Client, dir string) error
}

// Downloads is the name of the folder of a cache in which the downloads of a tool are that is not complete.
const Downloads = "downloads"

// Install returns the folder of a tool: that for all apps, or else the one in a cache, where it is made if it is not there.
func Install(ctx context.Context, in bp.Workspace, cache string, t Tool) (string, error) {
	dir, found, err := find(in, cache, t)
	if found || err != nil {
		return dir, err
	}
	done := in.Log.Phase("Installing %s", t.Title)
	downloads := filepath.Join(cache, Downloads)
	client, err := client(in, downloads, t.Title)
	if err != nil {
		return "", err
	}
	err = tree.Once(dir, func(partial string) error { return t.Fill(ctx, client, partial) })
	if errors.As(err, new(fault.Fault)) {
		return "", err
	}
	if err != nil {
		return "", fmt.Errorf("installing %s: %w", t.Title, err)
	}
	done()
	return dir, os.RemoveAll(downloads)
}

// Cached reports whether Install has nothing to make.
func Cached(in bp.Workspace, cache string, t Tool) (bool, error) {
	_, found, err := find(in, cache, t)
	return found, err
}

// find returns the folder of a tool, or where it is to be made, and whether it is there.
func find(in bp.Workspace, cache string, t Tool) (string, bool, error) {
	dir := filepath.Join(cache, t.Folder)
	if shared := in.Env[bp.EnvToolsDir]; shared != "" {
		dir := filepath.Join(shared, t.Folder)
		if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
			return dir, true, err
		}
	}
	_, err := os.Stat(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return dir, false, nil
	}
	return dir, true, err
}
