// Package downloads finds what CMake and Meson would fetch without a hash while they build an app.
package downloads

import (
	"fmt"
	"path"
	"regexp"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/tree"
)

// Download is a part of an app that is fetched without a hash: the same source may give other programs tomorrow.
type Download struct {
	File string // that says so, relative to the app
	Line int    // from 1
	Name string // as the file calls it, or its address
}

// Find returns the downloads of an app, in the order of their files. A builder without such downloads has none.
func Find(app, builder string) ([]Download, error) {
	found, err := tree.Each(app, nil, func(e tree.Entry) ([]Download, error) {
		base := path.Base(e.Rel)
		var read func(string) []Download
		switch {
		case !e.Type().IsRegular():
		case builder == "cmake" && (base == "CMakeLists.txt" || path.Ext(base) == ".cmake"):
			read = unpinnedCMake
		case builder == "meson" && path.Ext(base) == ".wrap":
			read = unpinnedWrap
		}
		if read == nil {
			return nil, nil
		}
		text, err := tree.ReadFile(e.Path)
		if err != nil {
			return nil, err
		}
		return read(string(text)), nil
	})
	if err != nil {
		return nil, fmt.Errorf("looking for downloads: %w", err)
	}
	var all []Download
	for _, one := range found {
		for _, d := range one.Value {
			d.File = one.Entry.Rel
			all = append(all, d)
		}
	}
	return all, nil
}

// fetching matches the beginning of a command by which CMake fetches, and the name of what is fetched.
var fetching = regexp.MustCompile(`(?im)^[^#\n]*\b(?:FetchContent_Declare|ExternalProject_Add|CPMAddPackage)\s*\(\s*([^\s()]+)`)

// commit matches a full commit of git.
var commit = regexp.MustCompile(`^"?[0-9a-f]{40}([0-9a-f]{24})?"?$`)

// unpinnedCMake returns what a file of CMake's fetches from an address without a hash, or from a branch or a tag of git.
func unpinnedCMake(text string) []Download {
	var list []Download
	for _, at := range fetching.FindAllStringSubmatchIndex(text, -1) {
		rest := text[at[3]:]
		end := strings.IndexByte(rest, ')')
		if end < 0 {
			end = len(rest)
		}
		words := strings.Fields(rest[:end])
		fetches, hashed := false, false
		for i, word := range words {
			next := ""
			if i+1 < len(words) {
				next = words[i+1]
			}
			switch word {
			case "URL", "GIT_REPOSITORY", "GITHUB_REPOSITORY", "SVN_REPOSITORY", "HG_REPOSITORY":
				fetches = true
			case "URL_HASH", "URL_MD5":
				hashed = next != ""
			case "GIT_TAG":
				hashed = commit.MatchString(next)
			}
		}
		if fetches && !hashed {
			list = append(list, Download{Line: 1 + strings.Count(text[:at[2]], "\n"), Name: text[at[2]:at[3]]})
		}
	}
	return list
}

// The address of a wrap file of Meson's, and what pins it.
var (
	wrapped = regexp.MustCompile(`(?m)^\s*(?:source_)?url\s*=\s*(\S+)`)
	pinned  = regexp.MustCompile(`(?m)^\s*(?:source_hash\s*=\s*\S+|revision\s*=\s*[0-9a-f]{40}(?:[0-9a-f]{24})?\s*$)`)
)

// unpinnedWrap returns what a wrap file fetches from a branch or a tag of git, or without a hash.
func unpinnedWrap(text string) []Download {
	at := wrapped.FindStringSubmatchIndex(text)
	if at == nil || pinned.MatchString(text) {
		return nil
	}
	return []Download{{Line: 1 + strings.Count(text[:at[2]], "\n"), Name: text[at[2]:at[3]]}}
}
