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

// TestPack has each static program packed and tested, in this order, and says what it did. A program stands for UPX that leaves as many
// bytes of a file as the test says.
func TestPack(t *testing.T) {
	t.Parallel()
	static := elftest.Program(elf.EM_X86_64, "")
	for name, test := range map[string]struct {
		script string
		code   bool
	}{
		"smaller": {script: `if [ "$2" = --lzma ]; then head -c 300 "$3" >"$3.new" && cat "$3.new" >"$3" && rm "$3.new"; fi`},
		"larger":  {script: `if [ "$2" = --lzma ]; then head -c 30000 /dev/urandom >>"$3"; fi`},
		"fails":   {script: "echo 'upx: web: CantPackException: already packed' >&2; exit 1", code: true},
		"damages": {script: `[ "$2" = --lzma ] || { echo 'upx: web: ChecksumException' >&2; exit 1; }`, code: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := asked(t, "true")
			stand, tools, dir := kittest.NewTool(t, test.script), t.TempDir(), t.TempDir()
			kittest.Write(t, tools, map[string]string{"upx-" + p.Key() + "/usr/bin/upx-ucl": stand.Text()})
			kittest.Write(t, dir, map[string]string{
				"bin/web": static + strings.Repeat("text ", 1_000), "bin/dynamic": elftest.Program(elf.EM_X86_64, "/lib/ld.so", "libc.so.6"),
				"bin/script": "#!/bin/sh\n", "lib/libx.so.1": static, "share/data": static,
			})
			for _, name := range []string{"bin/web", "bin/dynamic", "bin/script", "lib/libx.so.1"} {
				if err := os.Chmod(filepath.Join(dir, name), 0o755); err != nil {
					t.Fatal(err)
				}
			}
			if err := os.Chmod(filepath.Join(tools, "upx-"+p.Key(), "usr/bin/upx-ucl"), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(filepath.Join(dir, "share/data"), 0o644); err != nil {
				t.Fatal(err)
			}
			var log bytes.Buffer
			in := bp.BuildContext{Workspace: bp.Workspace{
				Target: bp.Target{Arch: "amd64"}, Log: report.New(&log, report.Options{}),
				Config: config.New([]config.Variable{
					{Name: "STRATA_DEBIAN_MIRROR"}, {Name: "STRATA_DEBIAN_SECURITY_MIRROR"}, {Name: "STRATA_DEBIAN_SNAPSHOT_MIRROR"},
				}, nil),
				Env: config.Environment{bp.EnvToolsDir: tools, bp.EnvCacheDir: t.TempDir()},
			}}
			err := p.Pack(t.Context(), in, dir)
			if (err != nil) != test.code {
				t.Errorf("it returns %v", err)
			}
			var calls []string
			for _, call := range stand.Calls(t) {
				calls = append(calls, strings.Join(call.Args, " "))
			}
			web := filepath.Join(dir, "bin/web")
			want := []string{"-qqq --lzma " + web, "-qqq -t " + web}
			if name == "fails" {
				want = want[:1]
			}
			if diff := cmp.Diff(want, calls); diff != "" {
				t.Errorf("calls (-want +got):\n%s", diff)
			}
			text := strings.ReplaceAll(log.String(), dir, "<layer>")
			if err != nil {
				kittest.Fault(t, err)
				text += strings.ReplaceAll(err.Error(), dir, "<layer>") + "\n"
			}
			kittest.Golden(t, name+".txt", seconds.ReplaceAllString(text, "done in TIME"))
		})
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
