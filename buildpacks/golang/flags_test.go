package golang

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
	"github.com/strata-buildpacks/strata/buildpacks/kit/config"
	"github.com/strata-buildpacks/strata/buildpacks/kit/report"
)

func TestFlags(t *testing.T) {
	t.Parallel()
	for _, ok := range []string{
		"-tags=a,b -gcflags=all=-B", "-buildmode=exe", "-race=false --msan=0 -v -n=false", "-ldflags -n -gcflags -race", "-tags -n --tags -o",
	} {
		if err := parseFlags(strings.Fields(ok)).check(bp.Static, cgoAuto); err != nil {
			t.Errorf("%s: %v", ok, err)
		}
	}
	if err := parseFlags([]string{"-buildmode", "pie"}).check(bp.Glibc, cgoAuto); err != nil {
		t.Errorf("pie on glibc: %v", err)
	}
	if err := parseFlags([]string{"-buildmode", "pie"}).check(bp.Static, cgoStatic); err != nil {
		t.Errorf("pie that is linked statically: %v", err)
	}
	for name, bad := range map[string][]string{
		"flag-folder": {"-C", "cmd"},
		"flag-pie":    {"-buildmode", "pie"},
		"flag-plugin": {"--buildmode=plugin"},
		"flag-race":   {"-v", "-race", "false"},
		"flag-print":  {"-buildvcs", "-n"},
	} {
		wantFault(t, name, parseFlags(bad).check(bp.Static, cgoAuto))
	}
	if got := parseFlags([]string{"-tags=a", "-v", "-tags", "b,c d"}).tags(); !slices.Equal(got, []string{"b", "c", "d"}) {
		t.Errorf("tags: %q, want those of the last flag", got)
	}
}

// TestLast reads a flag in all that the go command takes.
func TestLast(t *testing.T) {
	t.Parallel()
	for _, words := range [][]string{
		{"-mod=mod"}, {"--mod=mod", "-v"}, {"-mod", "mod"}, {"-v", "--mod", "mod"}, {"-mod=vendor", "-mod=mod"},
	} {
		if got := parseFlags(words).last("mod"); got != "mod" {
			t.Errorf("%q: got %q", words, got)
		}
	}
	if got := parseFlags([]string{"mod=mod", "-modfile=mod", "-tags", "-mod=mod", "-mod"}).last("mod"); got != "" {
		t.Errorf("no flag gives %q", got)
	}
}

// TestLinker has flags for the linker in both variables: -s -w stay before them.
func TestLinker(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		flags, more, want []string
		linker            string
	}{
		{[]string{`-ldflags=-X main.re=\d+ -X 'main.w=a "b"'`, "-v"}, nil, []string{"-v"}, `-s -w -X main.re=\d+ -X 'main.w=a "b"'`},
		{[]string{"-v", "--ldflags", "-w"}, []string{"-X", "main.v=a b"}, []string{"-v"}, "-s -w -w -X 'main.v=a b'"},
		{[]string{"-ldflags=-w", "-ldflags="}, nil, nil, "-s -w"},
		{[]string{"-tags=x"}, []string{"-w"}, []string{"-tags=x"}, "-s -w -w"},
		{[]string{"-gcflags", "-ldflags", "-p", "2"}, nil, []string{"-gcflags", "-ldflags", "-p", "2"}, "-s -w"},
	} {
		all := parseFlags(tt.flags)
		if diff := cmp.Diff(tt.want, all.without("ldflags").words()); diff != "" {
			t.Errorf("%q (-want +got):\n%s", tt.flags, diff)
		}
		if got, err := all.linker(tt.more); err != nil || got != tt.linker {
			t.Errorf("%q: the linker gets %s (%v), want %s", tt.flags, got, err, tt.linker)
		}
	}
	_, err := parseFlags([]string{"-ldflags=all=-w"}).linker(nil)
	wantFault(t, "flag-ldflags-pattern", err)
	_, err = flags{}.linker([]string{`both " and '`})
	wantFault(t, "flag-quotes", err)
}

// TestSubstitutes sets variables of the go command that do not reach it.
func TestSubstitutes(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		env  config.Environment
		want string
	}{
		{config.Environment{"GOFLAGS": "-tags=special"}, "GOFLAGS=-tags=special is not used: give flags in BP_GO_BUILD_FLAGS"},
		{config.Environment{"CGO_ENABLED": "1"}, "CGO_ENABLED=1 is not used: packages that need cgo are compiled with it; BP_GO_CGO says more"},
		{config.Environment{"GOARCH": "arm"}, "GOARCH=arm is not used: programs are compiled for the architecture of the run image"},
		{config.Environment{"GOOS": "windows"}, "GOOS=windows is not used: programs are compiled for the image, which is linux"},
		{config.Environment{"GOTOOLCHAIN": "go1.25.1+auto"}, "GOTOOLCHAIN=go1.25.1+auto is not used: ask for a release in BP_GO_VERSION"},
		{config.Environment{"GO111MODULE": "off"}, "GO111MODULE=off is not used: every app is built as a module"},
		{config.Environment{"CGO_ENABLED": "0", "GOARCH": "amd64", "GOOS": "linux", "GOTOOLCHAIN": "local", "GOFLAGS": "-mod=vendor"}, ""},
	} {
		var log bytes.Buffer
		warnSubstitutes(tt.env, bp.Target{Arch: "amd64"}, report.New(&log, report.Options{}))
		if tt.want != "" {
			tt.want = "  warning: " + tt.want + "\n"
		}
		if log.String() != tt.want {
			t.Errorf("%v gives\n%s want\n%s", tt.env, &log, tt.want)
		}
	}
}

// TestWords has the flags of a program by how it is linked.
func TestWords(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		flags  string
		native *native
		want   string
	}{
		{"-tags=a -v", nil, "-tags=a -v"},
		{"-tags=a -v", &native{static: true, tags: []string{"netgo"}}, "-v -tags=a,netgo"},
		{"-v", &native{}, "-v -buildmode=pie"},
		{"-buildmode=exe", &native{}, "-buildmode=exe"},
	} {
		g := &compiler{native: tt.native}
		g.flags = parseFlags(strings.Fields(tt.flags))
		if got := strings.Join(g.words(), " "); got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.flags, got, tt.want)
		}
	}
}

// TestLinkFlags gives the linker of C its words with those of the user.
func TestLinkFlags(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		linker, flags string
		native        *native
		want          string
	}{
		{"-s -w", "", nil, "-s -w"},
		{"-s -w", "", &native{static: true}, "-linkmode=external -buildid= '-extldflags=-Wl,-t -static' -s -w"},
		{"-s -w", "-buildmode=pie", &native{static: true}, "-linkmode=external -buildid= '-extldflags=-Wl,-t -static-pie' -s -w"},
		{"-s -w", "", &native{libraries: []string{"-lz"}}, "-linkmode=external -buildid= '-extldflags=-Wl,-t -lz' -s -w"},
		{"-s -w -X 'main.v=a b'", "", &native{}, "-linkmode=external -buildid= -extldflags=-Wl,-t -s -w -X 'main.v=a b'"},
		{`-s -w -linkmode external -extldflags "-static -L/opt/lib" -X 'main.v=a b'`, "", &native{static: true, libraries: []string{"-lz"}},
			"-linkmode=external -buildid= '-extldflags=-Wl,-t -static -static -L/opt/lib -lz' -s -w -linkmode external -X 'main.v=a b'"},
		{"--extldflags=-lm -w", "", &native{static: true}, "-linkmode=external -buildid= '-extldflags=-Wl,-t -static -lm' -w"},
	} {
		g := &compiler{native: tt.native}
		g.linker, g.flags = tt.linker, parseFlags(strings.Fields(tt.flags))
		got, err := g.linkFlags()
		if err != nil || got != tt.want {
			t.Errorf("%s: got %s (%v), want %s", tt.linker, got, err, tt.want)
		}
	}
}

// TestDynamic has nothing of a static program in one that is linked to libraries instead.
func TestDynamic(t *testing.T) {
	t.Parallel()
	flags := func(n *native) []string {
		g := &compiler{native: n}
		g.linker, g.flags = "-s -w", parseFlags([]string{"-tags=a"})
		linker, err := g.linkFlags()
		if err != nil {
			t.Error(err)
		}
		return append(g.words(), linker)
	}
	instead := &native{static: true, tags: staticTags, libraries: []string{"-lpcre2-8"}}
	instead.dynamic()
	if diff := cmp.Diff(flags(&native{}), flags(instead)); diff != "" {
		t.Errorf("flags (-dynamic +instead of static):\n%s", diff)
	}
}
