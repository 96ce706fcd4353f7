package native

import (
	"fmt"
	"path"
	"regexp"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/tree"
)

// download is a part of an app that a builder fetches while it builds.
type download struct {
	line int
	name string
}

// warnDownloads names what builders would fetch without a hash: the same source may then give other programs tomorrow.
func (b build) warnDownloads() error {
	found, err := tree.Each(b.AppDir, nil, func(e tree.Entry) ([]download, error) {
		base := path.Base(e.Rel)
		if !e.Type().IsRegular() {
			return nil, nil
		}
		var read func(string) []download
		switch {
		case b.builder.name == "cmake" && (base == "CMakeLists.txt" || path.Ext(base) == ".cmake"):
			read = unpinnedCMake
		case b.builder.name == "meson" && path.Ext(base) == ".wrap":
			read = unpinnedWrap
		default:
			return nil, nil
		}
		text, err := tree.ReadFile(e.Path)
		if err != nil {
			return nil, err
		}
		return read(string(text)), nil
	})
	if err != nil {
		return fmt.Errorf("looking for downloads: %w", err)
	}
	for _, one := range found {
		for _, d := range one.Value {
			b.Log.Warn("%s line %d: %s has no hash, so the same source may give other programs; give it URL_HASH, or a commit",
				one.Entry.Rel, d.line, d.name)
		}
	}
	return nil
}

// fetching matches the beginning of a command by which CMake fetches, and the name of what is fetched.
var fetching = regexp.MustCompile(`(?im)^[^#\n]*\b(?:FetchContent_Declare|ExternalProject_Add|CPMAddPackage)\s*\(\s*([^\s()]+)`)

// commit matches a full commit of git.
var commit = regexp.MustCompile(`^"?[0-9a-f]{40}([0-9a-f]{24})?"?$`)

// unpinnedCMake returns what a file of CMake's fetches from an address without a hash, or from a branch or a tag of git.
func unpinnedCMake(text string) []download {
	var list []download
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
			list = append(list, download{line: 1 + strings.Count(text[:at[2]], "\n"), name: text[at[2]:at[3]]})
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
func unpinnedWrap(text string) []download {
	at := wrapped.FindStringSubmatchIndex(text)
	if at == nil || pinned.MatchString(text) {
		return nil
	}
	return []download{{line: 1 + strings.Count(text[:at[2]], "\n"), name: text[at[2]:at[3]]}}
}
