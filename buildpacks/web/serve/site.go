package main

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// index is the page of a folder, and notFound the page of a path that is not there.
const (
	index    = "index.html"
	notFound = "404.html"
)

// gzipSuffix ends the name of a file that holds another one compressed. No site has files of such a name.
const gzipSuffix = ".~gz"

// site serves the files of a folder. Its files never change while it runs.
type site struct {
	root     *os.Root
	fallback string   // page that answers paths that are no files, "" for none
	tags     sync.Map // entity tags of files, by name
}

func newSite(root *os.Root, fallback string) *site { return &site{root: root, fallback: fallback} }

// ServeHTTP answers GET and HEAD (RFC 9110). A path means a file, or the folder's page; what it leads to is always below
// the root, whatever links there are.
func (s *site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Content-Type-Options", "nosniff")
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
		return
	}
	name := strings.TrimPrefix(path.Clean("/"+r.URL.Path), "/")
	if hidden(name) {
		s.missing(w, r)
		return
	}
	info, err := s.root.Stat(cmp.Or(name, "."))
	switch {
	case errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EIO): // any other error is a path that no file of the site has
		http.Error(w, "the file cannot be read", http.StatusInternalServerError)
	case err == nil && info.Mode().IsRegular() && !strings.HasSuffix(r.URL.Path, "/"):
		s.file(w, r, name, http.StatusOK)
	case err == nil && info.IsDir() && s.has(path.Join(name, index)):
		if name != "" && !strings.HasSuffix(r.URL.Path, "/") {
			s.redirect(w, r, "/"+name+"/")
			return
		}
		s.file(w, r, path.Join(name, index), http.StatusOK)
	case err != nil && s.has(name+".html") && !strings.HasSuffix(r.URL.Path, "/"):
		s.file(w, r, name+".html", http.StatusOK) // /about is about.html
	default:
		s.missing(w, r)
	}
}

// hidden reports whether a path has a part that begins with a dot, as .git and .env have, which no visitor may see.
// RFC 8615 wants one of them public.
func hidden(name string) bool {
	for i, part := range strings.Split(name, "/") {
		if strings.HasPrefix(part, ".") && (i > 0 || part != ".well-known") {
			return true
		}
	}
	return false
}

func (s *site) has(name string) bool {
	info, err := s.root.Stat(name)
	return err == nil && info.Mode().IsRegular()
}

// redirect sends to a folder of this site. Its path begins with one slash: with two it would name another host.
func (s *site) redirect(w http.ResponseWriter, r *http.Request, to string) {
	target := *r.URL
	target.Scheme, target.Host, target.User, target.Path, target.RawPath = "", "", nil, "/"+strings.TrimLeft(to, "/"), ""
	w.Header().Set("Location", target.String())
	w.WriteHeader(http.StatusMovedPermanently)
}

// missing answers a path that is no file: in an app of a single page the page, which knows what the path means, unless
// a file was meant.
func (s *site) missing(w http.ResponseWriter, r *http.Request) {
	switch {
	case s.fallback != "" && !isFileName(r.URL.Path) && !hidden(strings.TrimPrefix(path.Clean("/"+r.URL.Path), "/")):
		s.file(w, r, s.fallback, http.StatusOK)
	case s.has(notFound):
		s.file(w, r, notFound, http.StatusNotFound)
	default:
		http.Error(w, "not found", http.StatusNotFound)
	}
}

// immutable reports whether a bundler put a hash of a file's content into its name, so that whoever has the file never needs
// to ask for it again. What may be a word, a date or a version is not one.
func immutable(name string) bool {
	extension := path.Ext(name)
	stem := strings.TrimSuffix(path.Base(name), extension)
	if extension == ".map" {
		extension = path.Ext(stem)
		stem = strings.TrimSuffix(stem, extension)
	}
	if extension == ".html" || extension == "" {
		return false
	}
	if at := len(stem) - 9; at > 0 && strings.ContainsRune(".-", rune(stem[at])) && slices.Contains(code, extension) {
		hash := stem[at+1:]
		mixed := strings.ToLower(hash) != hash && strings.ToUpper(hash) != hash && strings.ContainsAny(hash, digits+"_-")
		// Angular and esbuild; Vite and Rollup
		if only(hash, capitals+digits) && !only(hash, digits) || only(hash, capitals+small+digits+"_-") && mixed {
			return true
		}
	}
	at := strings.LastIndexAny(stem, ".-")
	hash := stem[at+1:]
	// Parcel, webpack
	return at > 0 && len(hash) >= 8 && only(hash, small[:6]+digits) && strings.ContainsAny(hash, digits) && !only(hash, digits)
}

const (
	capitals = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	small    = "abcdefghijklmnopqrstuvwxyz"
	digits   = "0123456789"
)

// only reports whether a text has no other characters.
func only(text, characters string) bool { return strings.Trim(text, characters) == "" }

// code are the ends of names of scripts and style sheets; what hashes of all kinds look like are names of pictures, too.
var code = []string{".js", ".mjs", ".css"}

// file answers with a file, or with its compressed sibling for whoever takes that.
func (s *site) file(w http.ResponseWriter, r *http.Request, name string, status int) {
	header := w.Header()
	header.Set("Content-Type", contentType(name))
	header.Set("Cache-Control", "no-cache") // asks each time, and mostly hears that nothing changed
	if immutable(name) {
		header.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	if s.has(name + gzipSuffix) {
		header.Set("Vary", "Accept-Encoding")
		if acceptsGzip(r.Header.Values("Accept-Encoding")) {
			header.Set("Content-Encoding", "gzip")
			name += gzipSuffix
		}
	}
	tag, err := s.tag(name)
	if err != nil {
		header.Del("Content-Encoding")
		http.Error(w, "the file cannot be read", http.StatusInternalServerError)
		return
	}
	file, err := s.root.Open(name)
	if err != nil {
		header.Del("Content-Encoding")
		http.Error(w, "the file cannot be read", http.StatusInternalServerError)
		return
	}
	defer file.Close()
	if status != http.StatusOK {
		w.WriteHeader(status)
		if r.Method == http.MethodGet {
			_, _ = io.Copy(w, file) // who asked sees that it ended early
		}
		return
	}
	header.Set("ETag", tag)
	// An image's files all have one time, which says nothing about when they changed.
	http.ServeContent(w, r, name, time.Time{}, file)
}

// tag is a file's entity tag: a hash of its content.
func (s *site) tag(name string) (string, error) {
	if tag, ok := s.tags.Load(name); ok {
		return tag.(string), nil
	}
	file, err := s.root.Open(name)
	if err != nil {
		return "", err
	}
	defer file.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, file); err != nil {
		return "", err
	}
	tag := `"` + hex.EncodeToString(sum.Sum(nil)[:12]) + `"`
	s.tags.Store(name, tag)
	return tag, nil
}

// acceptsGzip reads Accept-Encoding (RFC 9110, section 12.5.3): gzip is taken when it is named, or everything is, and not refused.
func acceptsGzip(values []string) bool {
	any := false
	for one := range strings.SplitSeq(strings.Join(values, ","), ",") {
		coding, parameter, _ := strings.Cut(strings.ToLower(strings.TrimSpace(one)), ";")
		quality := strings.ReplaceAll(parameter, " ", "")
		refused := quality == "q=0" || strings.HasPrefix(quality, "q=0.") && strings.Trim(quality[4:], "0") == ""
		switch strings.TrimSpace(coding) {
		case "gzip", "x-gzip":
			return !refused
		case "*":
			any = !refused
		}
	}
	return any
}
