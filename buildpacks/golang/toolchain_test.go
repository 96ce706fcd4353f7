package golang_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/mod/sumdb/note"

	"github.com/strata-buildpacks/strata/buildpacks/golang"
	"github.com/strata-buildpacks/strata/buildpacks/kit/config"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fetch"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
	"github.com/strata-buildpacks/strata/buildpacks/kit/lock"
)

// toolchain is the version of a release's module.
func toolchain(release string) string { return "v0.0.1-go" + release + ".linux-" + runtime.GOARCH }

// TestToolchain installs a release that the checksum database vouches for, over what a killed build left.
func TestToolchain(t *testing.T) {
	t.Parallel()
	r := kittest.NewRegistry(t)
	future(t, r)
	cache, folder := t.TempDir(), "go1.99.1.linux-"+runtime.GOARCH
	kittest.Write(t, cache, files{"go/" + folder + ".partial/left/over": ""})
	c := input(r, nothing, config.Environment{
		"BP_GO_TOOLCHAIN_UNVERIFIED_ENABLED": "false", "GOSUMDB": r.Database(t), "BP_CACHE_DIR": cache,
	})
	for i, line := range []string{"  Installing Go 1.99.1\n", "    Go 1.99.1: cached\n"} {
		c.Env["BP_GO_BUILD_LDFLAGS"] = fmt.Sprint("-X main.build=", i) // or else the layer is kept
		if got := kittest.Build(t, c); got.Code != 0 || !strings.Contains(got.Log(), line) {
			t.Fatalf("code %d, and in the log is no %q\n%s", got.Code, line, got.Log())
		}
	}
	want := files{
		"": "dir 0755", "/VERSION": "file 0644", "/bin": "dir 0755", "/bin/go": "file 0755", "/src": "dir 0755", "/src/go.mod": "file 0644",
	}
	got := files{}
	for path, kind := range kittest.Tree(t, cache+"/go") {
		path = strings.TrimSuffix(strings.TrimPrefix(path, folder), "/")
		got[path] = strings.Join(strings.Fields(kind)[:2], " ")
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the cache (-want +got):\n%s", diff)
	}
}

// TestDatabaseOfProxy asks the checksum database by way of the proxy that mirrors it.
func TestDatabaseOfProxy(t *testing.T) {
	t.Parallel()
	r := kittest.NewRegistry(t)
	future(t, r)
	verifier, address, _ := strings.Cut(r.Database(t), " ")
	origin, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	database := http.StripPrefix("/go/sumdb/sums.example.test", httputil.NewSingleHostReverseProxy(origin))
	mux := http.NewServeMux()
	mux.Handle("/", r)
	mux.Handle("/go/sumdb/sums.example.test/", database)
	mux.HandleFunc("/go/sumdb/sums.example.test/supported", func(http.ResponseWriter, *http.Request) {})
	proxy := httptest.NewServer(mux)
	t.Cleanup(proxy.Close)
	got := kittest.Build(t, input(r, nothing, config.Environment{
		"BP_GO_TOOLCHAIN_UNVERIFIED_ENABLED": "false", "GOPROXY": proxy.URL + "/go", "GOSUMDB": verifier,
	}))
	if got.Code != 0 {
		t.Errorf("code %d\n%s", got.Code, got.Log())
	}
}

// TestToolchainRefuses has what nothing vouches for, or nobody gives. No part of it stays.
func TestToolchainRefuses(t *testing.T) {
	t.Parallel()
	release := lockedRelease(t)
	right, other := kittest.NewRegistry(t), kittest.NewRegistry(t)
	future(t, right)
	publish(t, other, "exit 0")
	other.Module(t, "golang.org/toolchain", toolchain(release), files{"VERSION": "go" + release})
	half := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, ".zip") {
			_, _ = w.Write([]byte("half"))
			return
		}
		right.ServeHTTP(w, r)
	}))
	forbidden := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) }))
	t.Cleanup(half.Close)
	t.Cleanup(forbidden.Close)
	sums := right.Database(t)
	_, verifier, err := note.GenerateKey(nil, "sums.example.test")
	if err != nil {
		t.Fatal(err)
	}
	for name, env := range map[string]config.Environment{
		"changed":         {"GOPROXY": other.URL + "/go"},
		"damaged":         {"GOPROXY": half.URL + "/go"},
		"not-the-locked":  {"GOPROXY": other.URL + "/go", "BP_GO_VERSION": release, "GOSUMDB": "off"},
		"forbidden":       {"GOPROXY": strings.Replace(forbidden.URL, "://", "://ann:s3cret@", 1) + "/s3cret?s3cret"},
		"first-forbidden": {"GOPROXY": forbidden.URL + "," + right.URL + "/go"},
		"unknown":         {"GOPROXY": other.URL + "/go|" + right.URL + "/go", "BP_GO_VERSION": "1.99.7"},
		"proxy-unset":     {"GOPROXY": "direct"},
		"proxy-syntax":    {"GOPROXY": "ftp://ann:s3cret@proxy.example.test"},
		"sumdb-off":       {"GOSUMDB": "off"},
		"sumdb-unset":     {"GOSUMDB": ""},
		"sumdb-syntax":    {"GOSUMDB": "unknown.example.test"},
		"sumdb-key":       {"GOSUMDB": verifier + " " + strings.Fields(sums)[1]},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cache := t.TempDir()
			got := kittest.Build(t, input(right, nothing, config.Environment{
				"BP_GO_TOOLCHAIN_UNVERIFIED_ENABLED": "false", "GOSUMDB": sums, "BP_CACHE_DIR": cache,
			}.With(env)))
			if got.Code != 1 || strings.Contains(got.Log(), "s3cret") {
				t.Errorf("code %d\n%s", got.Code, got.Log())
			}
			text := strings.NewReplacer("linux-"+runtime.GOARCH, "<platform>", release, "<locked>").Replace(got.Stderr)
			for what, found := range changing {
				text = found.ReplaceAllString(text, what)
			}
			kittest.Golden(t, "fails-toolchain-"+name+".txt", text)
			for path, kind := range kittest.Tree(t, cache+"/go") {
				if !strings.HasPrefix(path, "downloads/") || !strings.HasPrefix(kind, "dir") && !strings.HasSuffix(kind, "empty") {
					t.Errorf("it left %s: %s", path, kind)
				}
			}
		})
	}
}

// changing is what is another in each run, or with a newer lock.
var changing = map[string]*regexp.Regexp{
	"<address>":  regexp.MustCompile(`127\.0\.0\.1:[0-9]+`),
	"<hash>":     regexp.MustCompile(`h1:[A-Za-z0-9+/]{43}=`),
	"<locked>":   regexp.MustCompile(`<locked>(, [0-9.]+)+`),
	"<note>; ch": regexp.MustCompile(`note:: .*; ch`),
}

// TestNewLock locks what all architectures have and the checksum database vouches for.
func TestNewLock(t *testing.T) {
	t.Parallel()
	r := kittest.NewRegistry(t)
	env := config.Environment{"GOPROXY": r.URL + "/go", "GOSUMDB": r.Database(t)}
	client := fetch.New(t.TempDir())
	var want []lock.Release
	for i, arch := range []string{"amd64", "arm64"} {
		if _, err := golang.NewLock(t.Context(), client, env); err == nil {
			t.Errorf("it locks a release of %d architectures", i)
		}
		m := "v0.0.1-go1.99.1.linux-" + arch
		sums := strings.Fields(r.Module(t, "golang.org/toolchain", m, files{"VERSION": arch}))
		want = append(want, lock.Release{
			ID: "go", Version: "1.99.1", Arch: arch, PURL: "pkg:golang/golang.org/toolchain@" + m, Hash: sums[2],
		})
	}
	got, err := golang.NewLock(t.Context(), client, env)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(lock.Lock{Default: map[string]string{"go": "1.99.1"}, Releases: want}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	env["GOSUMDB"] = kittest.NewRegistry(t).Database(t)
	if _, err := golang.NewLock(t.Context(), client, env); err == nil || !strings.Contains(err.Error(), "verifying Go 1.99.1 for amd64") {
		t.Errorf("got %v, want that the database does not know it", err)
	}
}
