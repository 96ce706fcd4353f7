package install

import (
	"context"
	"encoding/json"
	"fmt"
	"html"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/Masterminds/semver/v3"
	"github.com/package-url/packageurl-go"

	"github.com/strata-buildpacks/strata/buildpacks/kit/config"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fetch"
	"github.com/strata-buildpacks/strata/buildpacks/kit/lock"
	"github.com/strata-buildpacks/strata/buildpacks/kit/tool"
	"github.com/strata-buildpacks/strata/buildpacks/kit/unpack"
)

// UVID is the id of uv in the lock.
const UVID = "uv"

// UV returns the tool that a release of uv makes: the folder has the program uv. It is fetched from the default index.
func UV(r lock.Release, from Indexes) tool.Tool {
	t := tool.Tool{Folder: UVID + "-" + r.Version, Title: "uv " + r.Version}
	t.Fill = func(ctx context.Context, client *fetch.Client, dir string) error {
		wheel, err := fetchWheel(ctx, client, from, r)
		if err != nil {
			return err
		}
		if err := unpack.Archive(wheel, dir, unpack.Options{Strip: 2, Want: func(name string) bool { return name == UVID }}); err != nil {
			return err
		}
		return os.Chmod(filepath.Join(dir, UVID), 0o755) // an index may have wheels without modes
	}
	return t
}

// fetchWheel returns the file of a locked wheel. An index says where it is; its hash is the lock's.
func fetchWheel(ctx context.Context, client *fetch.Client, from Indexes, r lock.Release) (string, error) {
	purl, err := packageurl.FromString(r.PURL)
	if err != nil {
		return "", fault.Internal("%s is no package URL", r.PURL)
	}
	files, err := from.list(ctx, client, purl.Name)
	if err != nil {
		return "", err
	}
	name := purl.Qualifiers.Map()["file_name"]
	for _, f := range files {
		if f.name == name {
			return client.Get(ctx, fetch.Artifact{Name: "uv " + r.Version, Sum: r.Hash, URLs: []string{f.url}, Setting: IndexVariable})
		}
	}
	return "", fault.Fault{ID: "python-uv-gone", What: fmt.Sprintf("the index of %s has no %s", IndexVariable, name),
		Do: "name an index that mirrors all files of uv, or build with a newer builder"}
}

// listed is a file that an index lists.
type listed struct{ name, url, sha256 string }

// maxIndex is the size in bytes of the longest answer of an index that is read. That about uv has 2 MB.
const maxIndex = 64 << 20

// list returns the files of a project that the default index lists (PEP 503, PEP 691). Nothing has verified them.
func (x Indexes) list(ctx context.Context, client *fetch.Client, project string) ([]listed, error) {
	base, err := x.base()
	if err != nil {
		return nil, err
	}
	// The address of a project ends with a slash: without it, an index may answer with another address.
	base = base.JoinPath(project + "/")
	answer, err := client.Read(ctx, fetch.Document{
		Name: "the list of " + project, Limit: maxIndex, Setting: IndexVariable, URLs: []string{base.String()},
		Accept: "application/vnd.pypi.simple.v1+json, text/html;q=0.2, */*;q=0.01",
	})
	if err != nil {
		return nil, err
	}
	return located(base, answer), nil
}

// located returns the files that an answer about a project names, with their addresses. The index's own login goes to its host alone.
func located(base *url.URL, answer []byte) []listed {
	var files []listed
	for _, f := range parseIndex(answer) {
		to, err := base.Parse(f.url)
		if err != nil || to.Scheme != "https" && to.Scheme != base.Scheme {
			continue // it is no address, or one of a file of this machine
		}
		if to.Host == base.Host && to.User == nil {
			to.User = base.User
		}
		fragment := to.Fragment
		to.Fragment, to.RawFragment = "", ""
		f.url = to.String()
		if sum, found := strings.CutPrefix(fragment, "sha256="); found {
			f.sha256 = sum
		}
		if f.name == "" {
			f.name = path.Base(to.Path)
		}
		files = append(files, f)
	}
	return files
}

// anchor matches a link of a page, and where it leads.
var anchor = regexp.MustCompile(`(?i)<a\s[^>]*?href\s*=\s*["']([^"']*)["']`)

// parseIndex returns the files that an answer names, as it names them: an answer is JSON or a page.
func parseIndex(answer []byte) []listed {
	var files []listed
	var told struct {
		Files []struct {
			Filename, URL string
			Hashes        map[string]string
		}
	}
	if json.Unmarshal(answer, &told) == nil {
		for _, f := range told.Files {
			files = append(files, listed{f.Filename, f.URL, f.Hashes["sha256"]})
		}
		return files
	}
	for _, found := range anchor.FindAllSubmatch(answer, -1) {
		files = append(files, listed{url: html.UnescapeString(string(found[1]))})
	}
	return files
}

// wheels are the names of uv's wheels for the machines that builds run on.
var wheels = []struct {
	arch string
	name *regexp.Regexp
}{
	{"amd64", regexp.MustCompile(`^uv-(\d+\.\d+\.\d+)-py3-none-manylinux\S*_x86_64\.whl$`)},
	{"arm64", regexp.MustCompile(`^uv-(\d+\.\d+\.\d+)-py3-none-manylinux\S*_aarch64\.whl$`)},
}

// IndexesOf returns the default index of an environment.
func IndexesOf(env config.Environment) Indexes { return Indexes{Default: indexOf(env)} }

// Releases returns the newest release of uv that the index of the environment has, for each architecture, to be locked.
func Releases(ctx context.Context, client *fetch.Client, env config.Environment) ([]lock.Release, error) {
	files, err := IndexesOf(env).list(ctx, client, UVID)
	if err != nil {
		return nil, err
	}
	var releases []lock.Release
	for _, w := range wheels {
		var newest *semver.Version
		var r lock.Release
		for _, f := range files {
			found := w.name.FindStringSubmatch(f.name)
			if found == nil || len(f.sha256) != 64 {
				continue
			}
			if v, err := semver.StrictNewVersion(found[1]); err == nil && (newest == nil || v.GreaterThan(newest)) {
				newest = v
				r = lock.Release{ID: UVID, Version: found[1], Arch: w.arch, PURL: purlOf(found[1], f.name), Hash: "sha256:" + f.sha256}
			}
		}
		if newest == nil {
			return nil, fault.Fault{ID: "lock-uv", What: "the index lists no wheel of uv for " + w.arch, Do: "check " + IndexVariable}
		}
		releases = append(releases, r)
	}
	return releases, nil
}

// purlOf returns the package URL of a wheel of uv.
func purlOf(version, file string) string {
	return "pkg:pypi/" + UVID + "@" + version + "?file_name=" + file
}

// base returns the address of the default index.
func (x Indexes) base() (*url.URL, error) {
	if x.Default == "" {
		return nil, fault.Fault{ID: "python-index-unset", What: "no package index is known to fetch packages from",
			Do: "set " + IndexVariable + " to the address of one"}
	}
	base, err := url.Parse(x.Default)
	if err != nil || base.Scheme != "https" && base.Scheme != "http" && base.Scheme != "file" {
		// The cause may hold the address with its login, so it is left out.
		return nil, fault.Fault{ID: "python-index-syntax", What: IndexVariable + " is no https, http or file address",
			Do: "write it like https://index.example.test/simple"}
	}
	return base, nil
}

// programs returns the folder with uv, which is fetched if it is not there.
func (i *Installer) programs(ctx context.Context) (string, error) {
	return tool.Install(ctx, i.source.In.Workspace, i.tools, UV(i.source.UV, i.indexes))
}
