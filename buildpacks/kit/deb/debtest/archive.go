package debtest

import (
	"archive/tar"
	"bytes"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/clearsign"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

func sorted(headers map[string]tar.Header) []tar.Header {
	var out []tar.Header
	for _, name := range slices.Sorted(maps.Keys(headers)) {
		out = append(out, headers[name])
	}
	return out
}

// Key makes a signing key that was made at born and lasts for life; 0 means for ever.
func Key(t testing.TB, name string, born time.Time, life time.Duration) *openpgp.Entity {
	t.Helper()
	e, err := openpgp.NewEntity(name, "", name+"@example.test", &packet.Config{
		Time: func() time.Time { return born }, KeyLifetimeSecs: uint32(life / time.Second), Algorithm: packet.PubKeyAlgoEdDSA})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// Sign clear-signs text with every key at the given time. The signatures last for life; 0 means for ever.
func Sign(t testing.TB, text string, at time.Time, life time.Duration, keys ...*openpgp.Entity) []byte {
	t.Helper()
	var private []*packet.PrivateKey
	for _, k := range keys {
		private = append(private, k.PrivateKey)
	}
	var b bytes.Buffer
	w, err := clearsign.EncodeMulti(&b, private,
		&packet.Config{Time: func() time.Time { return at }, SigLifetimeSecs: uint32(life / time.Second)})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return append(b.Bytes(), '\n')
}

// Archive is a mirror with a main and a security archive, signed by Key.
type Archive struct {
	Key *openpgp.Entity
	// URL is the base address of the main archive, URL+"-security" that of the other.
	URL string

	mu    sync.Mutex
	files map[string][]byte
	asked []string
}

// Born is when an Archive's key was made and its indexes were signed.
var Born = time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)

// NewArchive starts a mirror. It is empty until Publish is called.
func NewArchive(t testing.TB) *Archive {
	t.Helper()
	a := &Archive{Key: Key(t, "archive", Born, 0), files: map[string][]byte{}}
	s := httptest.NewServer(a)
	t.Cleanup(s.Close)
	a.URL = s.URL + "/debian"
	return a
}

func (a *Archive) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	b, ok := a.files[r.URL.Path]
	a.asked = append(a.asked, r.URL.Path)
	a.mu.Unlock()
	if !ok {
		http.NotFound(w, r)
		return
	}
	_, _ = w.Write(b)
}

// Asked returns the paths that were asked for since the last call.
func (a *Archive) Asked() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	asked := a.asked
	a.asked = nil
	return asked
}

// Set replaces a file, such as "/debian/dists/trixie/InRelease"; nil removes it.
func (a *Archive) Set(path string, b []byte) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if b == nil {
		delete(a.files, path)
		return
	}
	a.files[path] = b
}

// Get returns a file.
func (a *Archive) Get(path string) []byte {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.files[path]
}

// Publish makes the packages the only ones there are and signs the indexes of trixie and trixie-security at the given
// time, for amd64 and every other architecture that a package has. That of trixie-security is valid for a week.
func (a *Archive) Publish(t testing.TB, at time.Time, debs ...Deb) {
	t.Helper()
	a.mu.Lock()
	a.files = map[string][]byte{}
	a.mu.Unlock()
	list, security := map[string]string{"amd64": ""}, map[string]string{"amd64": ""}
	for _, d := range debs {
		list[d.arch()], security[d.arch()] = "", ""
	}
	delete(list, "all")
	delete(security, "all")
	for _, d := range debs {
		b := d.Build(t)
		path := fmt.Sprintf("pool/main/%c/%s/%s_%s_%s.deb", d.Name[0], d.Name, d.Name, d.Version, d.arch())
		root, to := "/debian/", list
		if d.Security {
			root, to = "/debian-security/", security
		}
		a.Set(root+path, b)
		for arch := range to {
			if d.Arch == "all" || d.arch() == arch {
				to[arch] += fmt.Sprintf("%sFilename: %s\nSize: %d\nSHA256: %s\n\n", d.Control(), path, len(b), hash(b))
			}
		}
	}
	a.suite(t, "/debian", "trixie", at, time.Time{}, list)
	a.suite(t, "/debian-security", "trixie-security", at, at.Add(7*24*time.Hour), security)
}

// suite signs a suite with a list of packages for each architecture.
func (a *Archive) suite(t testing.TB, root, suite string, at, until time.Time, lists map[string]string) {
	t.Helper()
	dir := root + "/dists/" + suite + "/"
	var text strings.Builder
	fmt.Fprintf(&text, "Origin: Debian\nCodename: %s\nDate: %s\n", suite, at.Format(releaseTime))
	if !until.IsZero() {
		text.WriteString("Valid-Until: " + until.Format(releaseTime) + "\n")
	}
	text.WriteString("SHA256:\n")
	for _, arch := range slices.Sorted(maps.Keys(lists)) {
		name := "main/binary-" + arch + "/Packages.xz"
		packages := Compress(t, ".xz", []byte(lists[arch]))
		a.Set(dir+name, packages)
		fmt.Fprintf(&text, " %s %d %s\n", hash(packages), len(packages), name)
	}
	a.Set(dir+"InRelease", Sign(t, text.String(), at, 0, a.Key))
}

const releaseTime = "Mon, 02 Jan 2006 15:04:05 UTC"
