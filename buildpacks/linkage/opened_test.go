package linkage_test

import (
	"debug/elf"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/strata-buildpacks/strata/buildpacks/kit/config"
	"github.com/strata-buildpacks/strata/buildpacks/kit/elf/elftest"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
)

// opens is a library that says what it opens by name.
func opens(text string) string {
	return elftest.Note(elftest.Program(elf.EM_X86_64, "", "libc.so.6"), 0x407c0c0a, text)
}

// magic is what a build has chosen that names packages for programs that open their libraries by name.
func magic(t *testing.T, names string) config.Environment {
	t.Helper()
	return chosen(t, "5.46", names, map[string]string{
		triplet + "libmagic.so.1.0.0":                    library("liblzma.so.5", "libc.so.6"),
		triplet + "libunused.so.1":                       library(),
		triplet + "liblzma.so.5":                         library("libc.so.6"),
		triplet + "gconv/gconv-modules":                  "module UTF-16// INTERNAL UTF-16 1\n",
		triplet + "gconv/gconv-modules.d/extra.conf":     "",
		triplet + "gconv/EUC-KR.so":                      elftest.Beside(elf.EM_X86_64, "libKSC.so", "libc.so.6"),
		triplet + "gconv/libKSC.so":                      library("libc.so.6"),
		triplet + "sasl2/libplain.so.2":                  library("liblzma.so.5"),
		"usr/lib/file/magic.mgc":                         "types",
		"usr/share/doc/libmagic1t64/copyright":           "Format: copyright-format/1.0\n\nFiles: *\nLicense: MIT\n",
		"usr/share/doc/libmagic-mgc/NEWS.Debian":         "",
		"usr/include/magic.h":                            "",
		triplet + "engines-3/afalg.so":                   library(),
		triplet + "gconv/gconv-modules.d/more/README.md": "",
	}, map[string]string{
		triplet + "libmagic.so.1": "libmagic.so.1.0.0", triplet + "sasl2/libplain.so": "libplain.so.2", triplet + "sasl2/out.so": "/etc/passwd",
	}, map[string]string{
		triplet + "libmagic.so.1": "libmagic1t64", triplet + "libmagic.so.1.0.0": "libmagic1t64", triplet + "liblzma.so.5": "liblzma5",
		triplet + "libunused.so.1": "libunused1", triplet + "gconv/EUC-KR.so": "libc6", triplet + "gconv/libKSC.so": "libc6",
		triplet + "sasl2/libplain.so.2": "libsasl2-modules", "usr/lib/file/nothing.so": "libmagic-mgc",
	})
}

// TestOpened has in the layer what the user's packages have of what files open by name, with the variables of plug-ins, and says in the log
// what is nowhere.
func TestOpened(t *testing.T) {
	t.Parallel()
	const required = `[{"soname":["libbpf.so.1"],"priority":"required"}]`
	converts := elftest.Calls(elf.EM_X86_64, "free", "iconv_open")
	for name, test := range map[string]struct {
		app    map[string]string
		names  string // packages
		distro string
		code   int
		want   []string // files of the layer
	}{
		"note": {app: map[string]string{"a.so": opens(`[{"soname":["liblzma.so.6","liblzma.so.5"],"priority":"suggested"}]`)},
			names: "libunused-dev", want: []string{"lib/liblzma.so.5"}},
		"note-nowhere": {app: map[string]string{"a.so": opens(`[{"soname":["libz.so.1"]},{"soname":["liblz4.so.1"],"feature":"lz4"},` +
			`{"soname":["libgcrypt.so.20"],"priority":"suggested"}]`)}},
		"note-required": {app: map[string]string{"a.so": opens(required)}, code: 1},
		"note-static": {app: map[string]string{"a.so": elftest.Note(elftest.Program(elf.EM_X86_64, ""), 0x407c0c0a, required)},
			distro: "strata-static"},
		"python": {app: map[string]string{"site-packages/python_magic-0.4.27.dist-info/RECORD": ""}},
		"python-of-header": {app: map[string]string{"site-packages/python_magic-0.4.27.dist-info/RECORD": ""}, names: "libmagic-dev",
			want: []string{"lib/liblzma.so.5", "lib/libmagic.so.1", "magic.mgc"}},
		"named":         {names: "libmagic1t64", want: []string{"lib/liblzma.so.5", "lib/libmagic.so.1", "magic.mgc"}},
		"for-compilers": {names: "libmagic-dev"},
		"iconv":         {app: map[string]string{"a.so": converts}},
		"gconv": {app: map[string]string{"a.so": converts}, names: "libc6", want: []string{
			"gconv/EUC-KR.so", "gconv/gconv-modules", "gconv/gconv-modules.d/extra.conf", "gconv/gconv-modules.d/more/README.md",
			"gconv/libKSC.so"}},
		"sasl": {app: map[string]string{"a.so": library("libc.so.6")}, names: "libsasl2-modules", want: []string{
			"lib/liblzma.so.5", "sasl2/libplain.so", "sasl2/libplain.so.2"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root := t.TempDir()
			layers := filepath.Join(root, "layers", "strata_linkage")
			kittest.Write(t, layers, nil)
			c := kittest.Case{App: test.app, Layers: layers, Distro: "strata-glibc", Arch: "amd64",
				Env: config.Environment{"BP_LINKAGE_PROGRAMS": "web"}}
			if test.names != "" {
				c.Env = c.Env.With(magic(t, test.names))
			}
			if test.distro != "" {
				c.Distro = test.distro
			}
			kittest.Write(t, filepath.Join(root, "layers", "other"), map[string]string{
				"launch.toml": "[[processes]]\ntype = \"web\"\ncommand = [\"/cnb/lifecycle/launcher\"]\n"})
			got := kittest.Build(t, c)
			if got.Code != test.code {
				t.Errorf("code %d, want %d", got.Code, test.code)
			}
			kittest.Golden(t, "opened-"+name+".txt", strings.ReplaceAll(got.Log(), root, "<root>")+environment(t, layers))
			if diff := cmp.Diff(test.want, bundledIn(t, layers)); diff != "" {
				t.Errorf("the layer (-want +got):\n%s", diff)
			}
			if test.want == nil {
				return
			}
			if again := kittest.Rebuild(t, got, c); again.Code != 0 || !strings.Contains(again.Log(), "Layer libraries: reused") {
				t.Errorf("nothing changed, code %d:\n%s", again.Code, again.Log())
			}
		})
	}
}

// TestPlugInsOfOthers takes no plug-ins of a package that is not among the user's, though another one has a file in their folder.
func TestPlugInsOfOthers(t *testing.T) {
	t.Parallel()
	all := filepath.Join(t.TempDir(), "layers")
	layers := filepath.Join(all, "strata_linkage")
	kittest.Write(t, layers, nil)
	kittest.Write(t, filepath.Join(all, "other"), map[string]string{
		"launch.toml": "[[processes]]\ntype = \"web\"\ncommand = [\"/cnb/lifecycle/launcher\"]\n"})
	env := chosen(t, "5.46", "libsasl2-2", map[string]string{
		triplet + "libsasl2.so.2": library("libc.so.6"), triplet + "sasl2/libsasldb.so": library("libc.so.6"),
	}, nil, map[string]string{triplet + "libsasl2.so.2": "libsasl2-2", triplet + "sasl2/libsasldb.so": "libsasl2-modules-db"})
	got := kittest.Build(t, kittest.Case{Layers: layers, Distro: "strata-glibc", Arch: "amd64", Env: env,
		App: map[string]string{"a.so": library("libsasl2.so.2")}})
	if diff := cmp.Diff([]string{"lib/libsasl2.so.2"}, bundledIn(t, layers)); got.Code != 0 || diff != "" {
		t.Errorf("code %d, the layer (-want +got):\n%s\n%s", got.Code, diff, got.Log())
	}
}

// bundledIn returns the files of the layer, and none if there is no layer.
func bundledIn(t *testing.T, layers string) []string {
	t.Helper()
	if _, err := os.Stat(filepath.Join(layers, "libraries")); err != nil {
		return nil
	}
	return slices.DeleteFunc(slices.Sorted(maps.Keys(kittest.Tree(t, filepath.Join(layers, "libraries")))), func(name string) bool {
		return strings.HasSuffix(name, "/") || strings.HasPrefix(name, "env")
	})
}

// environment returns what the layer sets for processes.
func environment(t *testing.T, layers string) string {
	t.Helper()
	var text string
	files, err := filepath.Glob(filepath.Join(layers, "libraries", "env.launch", "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		value, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		text += filepath.Base(file) + "=" + strings.ReplaceAll(string(value), filepath.Dir(filepath.Dir(layers)), "<root>") + "\n"
	}
	return text
}
