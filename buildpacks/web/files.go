package web

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/klauspost/compress/gzip"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/procfile"
	"github.com/strata-buildpacks/strata/buildpacks/kit/tree"
)

// keepOnly removes everything from the app except the folder to serve and the Procfile, which a later buildpack reads. It
// returns where the folder is then: the app's own folder is moved into one below it, so that the Procfile is not served.
func keepOnly(app, root string) (string, error) {
	if root, err := resolve(app, root); err != nil {
		return "", err
	} else if root != "" {
		return keepOnly(app, root)
	}
	root = filepath.ToSlash(filepath.Clean(root))
	var err error
	if root == "." {
		root = "public"
		err = tree.Sink(app, root, procfile.Name)
	} else {
		err = tree.Only(app, func(name string) bool { return name == root || name == procfile.Name })
	}
	if err == nil { // an image that does not have them cannot give them away
		served := filepath.Join(app, root)
		err = removeHidden(served)
		for _, name := range unserved() {
			err = errors.Join(err, os.RemoveAll(filepath.Join(served, name)))
		}
	}
	if err != nil {
		return "", fmt.Errorf("removing what is not served: %w", err)
	}
	return root, nil
}

// unserved are files and folders at the top of a site that are for those who make it.
func unserved() []string {
	names := []string{"node_modules", "project.toml"}
	for _, h := range hosts {
		names = append(names, h.name)
	}
	return names
}

// removeHidden removes files and folders whose names begin with a dot. The server never serves them.
func removeHidden(served string) error {
	return filepath.WalkDir(served, func(file string, entry fs.DirEntry, err error) error {
		if err != nil || file == served || !strings.HasPrefix(entry.Name(), ".") || entry.Name() == ".well-known" {
			return err
		}
		if err := os.RemoveAll(file); err != nil || !entry.IsDir() {
			return err
		}
		return fs.SkipDir
	})
}

// resolve returns where a link to a folder of the app leads, relative to the app, and "" where there is no link.
func resolve(app, root string) (string, error) {
	app, err := filepath.EvalSymlinks(app)
	if err != nil {
		return "", fmt.Errorf("looking for what is served: %w", err)
	}
	end, err := filepath.EvalSymlinks(filepath.Join(app, root))
	if err != nil {
		return "", fmt.Errorf("looking for what is served: %w", err)
	}
	to, err := filepath.Rel(app, end)
	if err != nil || !filepath.IsLocal(to) {
		return "", fault.Fault{ID: "web-root", What: root + " leads out of the app", Do: "name a folder of the app with BP_WEB_SERVER_ROOT"}
	}
	if to == filepath.Clean(root) {
		return "", nil
	}
	return to, nil
}

// texts are the extensions of files that compress well. Images, fonts for the web and videos are compressed already.
var texts = []string{
	".html", ".htm", ".css", ".js", ".mjs", ".cjs", ".json", ".map", ".webmanifest", ".xml", ".txt", ".md", ".csv", ".svg", ".atom", ".rss",
	".wasm", ".ttf", ".otf", ".eot", ".gltf", ".ics", ".vtt",
}

// minCompressed is a size in bytes. A smaller file takes one packet, compressed or not.
const minCompressed = 1400

// saving is what compression gave.
type saving struct {
	files         int
	before, after int64 // bytes
}

// gzipSuffix ends the name of a compressed file, as the server expects it. No site has files of such a name.
const gzipSuffix = ".~gz"

// compress puts a compressed file beside each text, if that is smaller by a tenth or more.
func compress(dir string) (saving, error) {
	var total saving
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() || !slices.Contains(texts, strings.ToLower(filepath.Ext(path))) {
			return err
		}
		info, err := entry.Info()
		if err != nil || info.Size() < minCompressed {
			return err
		}
		after, err := compressFile(path)
		if err != nil {
			return err
		}
		if after > info.Size()*9/10 {
			return os.Remove(path + gzipSuffix)
		}
		total.files++
		total.before += info.Size()
		total.after += after
		return nil
	})
	if err != nil {
		return saving{}, fmt.Errorf("compressing the site: %w", err)
	}
	return total, nil
}

// compressFile puts a compressed file beside a file, and returns its size in bytes.
func compressFile(name string) (size int64, err error) {
	in, err := os.Open(name)
	if err != nil {
		return 0, err
	}
	defer func() { _ = in.Close() }() // it was only read
	if err := os.RemoveAll(name + gzipSuffix); err != nil {
		return 0, err
	}
	out, err := os.OpenFile(name+gzipSuffix, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	w, err := gzip.NewWriterLevel(out, gzip.BestCompression)
	if err != nil {
		return 0, err
	}
	if _, err := io.Copy(w, in); err != nil {
		return 0, err
	}
	if err := w.Close(); err != nil {
		return 0, err
	}
	info, err := out.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}
