package upx

import (
	"bytes"
	"debug/elf"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
	"github.com/strata-buildpacks/strata/buildpacks/kit/config"
	"github.com/strata-buildpacks/strata/buildpacks/kit/elf/elftest"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
	"github.com/strata-buildpacks/strata/buildpacks/kit/report"
)

// seconds matches how long something took.
var seconds = regexp.MustCompile(`done in \S+`)

// asked returns the packer of a user who sets the variable.
func asked(t *testing.T, value string) Packer {
	t.Helper()
	c := config.New([]config.Variable{{Name: Variable, Default: "false"}}, config.Environment{Variable: value})
	p, err := Asked(c)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestPack has each static program packed and tested, in this order, and says what it did. What cannot be packed stays as it is. A program
// stands for UPX that leaves as many bytes of a file as the test says.
func TestPack(t *testing.T) {
	t.Parallel()
	library := elftest.Program(elf.EM_X86_64, "")
	static := library[:16] + string(rune(elf.ET_EXEC)) + library[17:] + strings.Repeat("text ", 1_000)
	for name, test := range map[string]struct {
		script string
		packed int // bytes
	}{
		"smaller": {`if [ "$2" = --lzma ]; then head -c 300 "$3" >"$3.new" && cat "$3.new" >"$3" && rm "$3.new"; fi`, 300},
		"larger":  {`if [ "$2" = --lzma ]; then head -c 30000 /dev/urandom >>"$3"; fi`, len(static) + 30_000},
		"fails":   {`echo "upx: $3: CantPackException: already packed" >&2; exit 1`, len(static)},
		"damages": {`echo >>"$3"; [ "$2" = --lzma ] || { echo "upx: $3: ChecksumException" >&2; exit 1; }`, len(static)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			stand, dir, in := kittest.NewTool(t, test.script), t.TempDir(), workspace(t)
			modes := map[string]os.FileMode{
				"bin/web": 0o555, "bin/dynamic": 0o755, "bin/script": 0o755, "lib/libx.so.1": 0o755, "lib/plugin": 0o755, "share/data": 0o644,
			}
			files := map[string]string{
				"bin/web": static, "bin/dynamic": elftest.Program(elf.EM_X86_64, "/lib/ld.so", "libc.so.6"), "bin/script": "#!/bin/sh\n",
				"lib/libx.so.1": library, "lib/plugin": library, "share/data": static,
			}
			kittest.Write(t, dir, files)
			for name, mode := range modes {
				if err := os.Chmod(filepath.Join(dir, name), mode); err != nil {
					t.Fatal(err)
				}
			}
			program := "upx-" + asked(t, "true").Key() + "/usr/bin/upx-ucl"
			kittest.Write(t, in.Env[bp.EnvToolsDir], map[string]string{program: stand.Text()})
			if err := os.Chmod(filepath.Join(in.Env[bp.EnvToolsDir], program), 0o755); err != nil {
				t.Fatal(err)
			}
			var log bytes.Buffer
			in.Log = report.New(&log, report.Options{})
			if err := asked(t, "true").Pack(t.Context(), in, dir); err != nil {
				t.Error(err)
			}
			var calls []string
			for _, call := range stand.Calls(t) {
				calls = append(calls, strings.Join(call.Args[:len(call.Args)-1], " "))
			}
			want := []string{"-qqq --lzma", "-qqq -t"}
			if name == "fails" {
				want = want[:1]
			}
			if diff := cmp.Diff(want, calls); diff != "" {
				t.Errorf("calls (-want +got):\n%s", diff)
			}
			for name, mode := range modes {
				info, err := os.Stat(filepath.Join(dir, name))
				if err != nil {
					t.Fatal(err)
				}
				size := len(files[name])
				if name == "bin/web" {
					size = test.packed
				}
				if info.Mode() != mode || info.Size() != int64(size) {
					t.Errorf("%s has %d bytes and mode %o, want %d and %o", name, info.Size(), info.Mode(), size, mode)
				}
			}
			kittest.Golden(t, name+".txt", seconds.ReplaceAllString(log.String(), "done in TIME"))
		})
	}
}

// workspace returns that of a build which has no mirror of Debian.
func workspace(t *testing.T) bp.BuildContext {
	t.Helper()
	return bp.BuildContext{Workspace: bp.Workspace{
		Target: bp.Target{Arch: "amd64"}, Log: report.New(&bytes.Buffer{}, report.Options{}),
		Config: config.New([]config.Variable{
			{Name: "STRATA_DEBIAN_MIRROR"}, {Name: "STRATA_DEBIAN_SECURITY_MIRROR"}, {Name: "STRATA_DEBIAN_SNAPSHOT_MIRROR"},
		}, nil),
		Env: config.Environment{bp.EnvToolsDir: t.TempDir(), bp.EnvCacheDir: t.TempDir()},
	}}
}

// TestInstall removes an older UPX from the cache before it fetches another, and says where that could come from.
func TestInstall(t *testing.T) {
	t.Parallel()
	in := workspace(t)
	cache, err := in.Cache(t.Context(), "upx")
	if err != nil {
		t.Fatal(err)
	}
	kittest.Write(t, cache, map[string]string{"upx-old/usr/bin/upx-ucl": ""})
	if err := asked(t, "true").Pack(t.Context(), in, t.TempDir()); err == nil || !strings.Contains(err.Error(), "STRATA_DEBIAN_MIRROR") {
		t.Errorf("it returns %v", err)
	}
	if left := kittest.Tree(t, cache); len(left) > 0 {
		t.Errorf("it leaves %v", left)
	}
}

// TestAsked packs nothing unless it is asked for.
func TestAsked(t *testing.T) {
	t.Parallel()
	none := asked(t, "false")
	if key := none.Key(); key != "" || none.Pack(t.Context(), bp.BuildContext{}, "/nowhere") != nil {
		t.Errorf("the key of none is %q, or it packs", key)
	}
	if asked(t, "true").Key() == "" {
		t.Error("a packer has no key")
	}
}
