// Package tool installs what builds need and images do not: toolchains, runtimes, package managers. A tool is installed
// once: for all apps if the platform has a folder for that, else in the app's cache.
//
// Downloads go through dependency mirrors, which have the same names as in Paketo's buildpacks. The code of libpak v2.2.0
// is of no use for them: only its own downloader applies mirrors, it panics at an address that does not parse, and it
// ignores addresses that are neither https nor file. Here such an address ends the build.
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
	// Folder names the tool's folder. One name always means the same files, whichever app asks for them. So a tool that
	// only one app vouches for has a name of its own.
	Folder string
	// Title is what the log calls it: "Go 1.26.8".
	Title string
	// Fill puts the tool into an empty folder. Its downloads are kept until the tool is complete.
	Fill func(ctx context.Context, client *fetch.Client, dir string) error
}

// Downloads is the folder of a cache that holds the downloads of a tool until the tool is complete.
const Downloads = "downloads"

// Install returns the folder of a tool: the one for all apps, or else the one in a cache, which it makes if need be.
func Install(ctx context.Context, in bp.Workspace, cache string, t Tool) (string, error) {
	dir, found, err := find(in, cache, t)
	if found || err != nil {
		return dir, err
	}
	done := in.Log.Phase("Installing %s", t.Title)
	downloads := filepath.Join(cache, Downloads)
	client, err := Client(in, downloads, t.Title)
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

// Replace is Install for a cache of one tool: before it makes the tool, it removes older ones.
func Replace(ctx context.Context, in bp.Workspace, cache string, t Tool) (string, error) {
	cached, err := Cached(in, cache, t)
	if err == nil && !cached {
		err = errors.Join(os.MkdirAll(cache, 0o755), tree.Empty(cache, Downloads))
	}
	if err != nil {
		return "", fmt.Errorf("removing what was before %s: %w", t.Title, err)
	}
	return Install(ctx, in, cache, t)
}

// Cached reports whether Install has nothing to make.
func Cached(in bp.Workspace, cache string, t Tool) (bool, error) {
	_, found, err := find(in, cache, t)
	return found, err
}

// find returns the folder that a tool has or will have, and whether it is there.
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
