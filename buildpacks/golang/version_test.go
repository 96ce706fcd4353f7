package golang

import (
	goversion "go/version"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/strata-buildpacks/strata/buildpacks/kit/lock"
	"github.com/strata-buildpacks/strata/buildpacks/kit/version"
)

// known is a lock with releases that no time changes.
var known = lock.Lock{
	Default:  map[string]string{goID: "1.26.3"},
	Releases: []lock.Release{{ID: goID, Version: "1.26.3"}, {ID: goID, Version: "1.25.9"}, {ID: goID, Version: "1.25.2"}},
}

// proxied has newest patches of two minor versions, and cannot be asked for a third.
func proxied(minor string) (string, error) {
	if minor == "1.19" {
		return "", errNoProxy
	}
	return map[string]string{"1.23": "1.23.12", "1.24": "1.24.13", "1.20": "1.20.14", "1.27": "1.27.3"}[minor], nil
}

func TestChooseVersion(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, override, file string // BP_GO_VERSION, .go-version
		mods                 modules
		version, reason      string
	}{
		{"nothing says", "", "", modules{}, "1.26.3", "default"},
		{"go line below the default", "", "", modules{File: "go.mod", Go: "1.22"}, "1.26.3", "default; go.mod needs at least 1.22"},
		{"go line above the default", "", "", modules{File: "go.mod", Go: "1.27.1"}, "1.27.3",
			"newest patch that GOPROXY lists; go line of go.mod is 1.27.1"},
		{"go line without a patch above it", "", "", modules{File: "go.work", Go: "1.27"}, "1.27.3",
			"newest patch that GOPROXY lists; go line of go.work is 1.27"},
		{"toolchain line", "", "", modules{File: "go.mod", Go: "1.24", Toolchain: "1.24.5"}, "1.24.13",
			"newest patch that GOPROXY lists; toolchain line of go.mod is 1.24.5"},
		{"toolchain line of a locked minor", "", "", modules{File: "go.mod", Go: "1.24", Toolchain: "1.25.2"}, "1.25.9",
			"newest locked patch; go.mod needs at least 1.25.2"},
		{"toolchain line that no list has", "", "", modules{File: "go.mod", Toolchain: "1.19.5"}, "1.19.5", "toolchain line of go.mod"},
		{"toolchain line above the list", "", "", modules{File: "go.mod", Toolchain: "1.24.14"}, "1.24.14", "toolchain line of go.mod"},
		{"candidate in a toolchain line", "", "", modules{File: "go.mod", Toolchain: "1.27rc2"}, "1.27rc2", "toolchain line of go.mod"},
		{"Heroku's line", "", "1.25.7", modules{File: "go.mod", Go: "1.24", Heroku: "go1.25"}, "1.25.9",
			"heroku goVersion line of go.mod is go1.25"},
		{"range of patches", "", "1.25.7", modules{File: "go.mod", Heroku: "~1.25.2"}, "1.25.9",
			"heroku goVersion line of go.mod is ~1.25.2"},
		{"range of patches that are not locked", "~1.24.2", "", modules{}, "1.24.13",
			"newest patch that GOPROXY lists; BP_GO_VERSION is ~1.24.2"},
		{"go line of a locked minor", "", "", modules{File: "go.mod", Go: "1.25.1"}, "1.25.9",
			"newest locked patch; go.mod needs at least 1.25.1"},
		{"go line of a locked minor, without a patch", "", "", modules{File: "go.mod", Go: "1.25"}, "1.25.9",
			"newest locked patch; go.mod needs at least 1.25"},
		{"go line above the locked patch", "", "", modules{File: "go.mod", Go: "1.25.10"}, "1.26.3", "default; go.mod needs at least 1.25.10"},
		{"toolchain line below the go line", "", "", modules{File: "go.mod", Go: "1.25.1", Toolchain: "1.24.5"}, "1.25.9",
			"newest locked patch; go.mod needs at least 1.25.1"},
		{"file before toolchain line", "", "# the team's\n1.25.7 # not newer\n", modules{File: "go.mod", Toolchain: "1.24.5"}, "1.25.7",
			".go-version"},
		{"variable before file", "1.25.1", "1.25.7", modules{}, "1.25.1", "BP_GO_VERSION"},
		{"a minor is its newest locked patch", "1.25", "", modules{}, "1.25.9", "BP_GO_VERSION is 1.25"},
		{"so is a minor with a star", "1.25.*", "", modules{}, "1.25.9", "BP_GO_VERSION is 1.25.*"},
		{"a minor that is not locked", "1.23", "", modules{}, "1.23.12",
			"newest patch that GOPROXY lists; BP_GO_VERSION is 1.23"},
		{"a minor from before patches began at 0", "1.20", "", modules{}, "1.20.14",
			"newest patch that GOPROXY lists; BP_GO_VERSION is 1.20"},
		{"a star of a minor that is not locked", "1.23.*", "", modules{}, "1.23.12",
			"newest patch that GOPROXY lists; BP_GO_VERSION is 1.23.*"},
		{"as the go command writes it", "go1.25.4", "", modules{}, "1.25.4", "BP_GO_VERSION"},
		{"a release candidate", "1.27rc2", "", modules{}, "1.27rc2", "BP_GO_VERSION"},
		{"the latest", "latest", "", modules{}, "1.26.3", "BP_GO_VERSION is latest"},
		{"any", "1.*", "", modules{}, "1.26.3", "BP_GO_VERSION is 1.*"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			files := map[string]string{}
			if tt.file != "" {
				files[".go-version"] = tt.file
			}
			got, err := chooseVersion(app(t, files), tt.override, tt.mods, known, proxied)
			if want := (version.Choice{Version: tt.version, Reason: tt.reason}); err != nil || got != want {
				t.Errorf("got %+v (%v), want %+v", got, err, want)
			}
		})
	}
}

// TestVersionFiles has files of version managers, which .go-version goes before.
func TestVersionFiles(t *testing.T) {
	t.Parallel()
	files := map[string]string{"mise.toml": "[tools]\ngo = \"1.25.4\"\n", ".tool-versions": "golang 1.25.3\n"}
	for _, want := range []version.Choice{
		{Version: "1.25.4", Reason: "go of mise.toml"}, {Version: "1.25.3", Reason: "golang of .tool-versions"},
	} {
		got, err := chooseVersion(app(t, files), "", modules{File: "go.mod", Go: "1.24", Toolchain: "1.24.5"}, known, proxied)
		if err != nil || got != want {
			t.Errorf("got %+v (%v), want %+v", got, err, want)
		}
		delete(files, "mise.toml")
	}
}

func TestChooseVersionRefuses(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, override string
		mods           modules
	}{
		{"version-nonsense", "newest", modules{}},
		{"version-range", ">=1.25", modules{}},
		{"version-patch-star", "1.25.3.*", modules{}},
		{"version-future", "", modules{File: "go.mod", Go: "1.99"}},
		{"version-no-list", "1.19", modules{}},
		{"version-no-list-star", "1.19.*", modules{}},
		{"version-no-list-go", "go1.19", modules{}},
		{"version-no-list-heroku", "", modules{File: "go.mod", Heroku: "go1.19.*"}},
		{"version-before-modules", "1.13.15", modules{}},
		{"version-too-old", "1.25.3", modules{File: "go.mod", Go: "1.26.0"}},
	}
	for _, tt := range tests {
		_, err := chooseVersion(t.TempDir(), tt.override, tt.mods, known, proxied)
		wantFault(t, tt.name, err)
	}
}

func TestReadModules(t *testing.T) {
	t.Parallel()
	files := map[string]string{
		"go.mod":   "// +heroku goVersion go1.25\n// +heroku install ./a ./b/...\nmodule example.test/root\n\ngo 1.24.0\n\ntoolchain go1.25.1\n",
		"a/go.mod": "module example.test/a\n\ngo 1.25.3\n",
		"b/go.mod": "module example.test/b\n",
	}
	work := map[string]string{"go.work": "go 1.26.0\n\ntoolchain default\n\nuse (\n\t./a\n\t.\n)\n"}
	maps.Copy(work, files)
	tests := []struct {
		name  string
		files map[string]string
		use   []string
		want  modules
		dirs  []string
	}{
		{"go.mod", files, nil, modules{File: "go.mod", Go: "1.24.0", Toolchain: "1.25.1", Heroku: "go1.25",
			Install: []string{"./a", "./b/..."}}, []string{"."}},
		{"go.work", work, nil, modules{File: "go.work", Go: "1.26.0"}, []string{"a", "."}},
		{"named", work, []string{"./b", "a/"}, modules{File: "BP_GO_WORK_USE", Go: "1.25.3"}, []string{"b", "a"}},
	}
	for _, tt := range tests {
		got, err := readModules(app(t, tt.files), tt.use)
		var dirs []string
		for _, m := range got.Members {
			dirs = append(dirs, m.Dir)
		}
		got.Members = nil
		if diff := cmp.Diff(tt.want, got); err != nil || diff != "" || !slices.Equal(dirs, tt.dirs) {
			t.Errorf("%s has the modules %q (-want +got): %v\n%s", tt.name, dirs, err, diff)
		}
	}
	for name, tt := range map[string]struct {
		files map[string]string
		use   []string
	}{
		"work-use-outside": {files, []string{"../other"}},
		"work-use-missing": {files, []string{"./c"}},
		"mod-syntax":       {map[string]string{"go.mod": "module example.test/x\n\nrequire (\n"}, nil},
		"work-syntax":      {map[string]string{"go.work": "using ./a\n"}, nil},
	} {
		_, err := readModules(app(t, tt.files), tt.use)
		wantFault(t, name, err)
	}
}

// TestLockFile holds the committed lock to what the buildpack expects of it.
func TestLockFile(t *testing.T) {
	t.Parallel()
	l, err := lock.Read(lockFile)
	if err != nil {
		t.Fatal(err)
	}
	for _, arch := range architectures {
		versions := l.Versions(goID, arch)
		newestFirst := slices.IsSortedFunc(versions, func(a, b string) int { return goversion.Compare("go"+b, "go"+a) })
		if len(versions) == 0 || versions[0] != l.Default[goID] || !newestFirst {
			t.Errorf("the releases for %s are %v, want the newest first, which is the default %s", arch, versions, l.Default)
		}
	}
	for _, r := range l.Releases {
		if r.ID != goID || r.PURL != "pkg:golang/"+toolchainOf(r.Version, r.Arch).String() || !strings.HasPrefix(r.Hash, "h1:") {
			t.Errorf("lock.toml has %+v", r)
		}
	}
	if l.Text() != lockFile {
		t.Error("lock.toml is not as scripts/update writes it")
	}
}

func TestNewestPatches(t *testing.T) {
	t.Parallel()
	versions := []string{
		"v0.0.1-go1.9.2.linux-amd64", "v0.0.1-go1.9.2.linux-arm64",
		"v0.0.1-go1.25.9.linux-amd64", "v0.0.1-go1.25.9.linux-arm64", "v0.0.1-go1.25.10.linux-amd64",
		"v0.0.1-go1.26.2.linux-arm64", "v0.0.1-go1.26.10.linux-arm64", "v0.0.1-go1.26.10.linux-amd64", "v0.0.1-go1.26.2.linux-amd64",
		"v0.0.1-go1.27rc1.linux-amd64", "v0.0.1-go1.27rc1.linux-arm64", "v0.0.1-go1.26.11.darwin-arm64", "v0.0.1-go1.26.11.linux-amd64",
	}
	if diff := cmp.Diff([]string{"1.26.10", "1.25.9"}, newestPatches(versions)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
