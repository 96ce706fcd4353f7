package golang

import (
	"bytes"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
	"github.com/strata-buildpacks/strata/buildpacks/kit/config"
	"github.com/strata-buildpacks/strata/buildpacks/kit/report"
)

func TestFlags(t *testing.T) {
	t.Parallel()
	for _, ok := range []settings{
		{Flags: []string{"-tags=a,b", "-gcflags=all=-B"}},
		{Flags: []string{"-buildmode=exe"}},
		{Flags: []string{"-race=false", "-v"}},
	} {
		if err := ok.check(bp.Static); err != nil {
			t.Errorf("%v: %v", ok.Flags, err)
		}
	}
	if err := (settings{Flags: []string{"-buildmode", "pie"}}).check(bp.Glibc); err != nil {
		t.Errorf("pie on glibc: %v", err)
	}
	for name, bad := range map[string]settings{
		"flag-folder": {Flags: []string{"-C", "cmd"}},
		"flag-pie":    {Flags: []string{"-buildmode", "pie"}},
		"flag-plugin": {Flags: []string{"--buildmode=plugin"}},
		"flag-race":   {Flags: []string{"-v", "-race"}},
		"flag-print":  {Flags: []string{"-n"}},
	} {
		wantFault(t, name, bad.check(bp.Static))
	}
	if got := (settings{Flags: []string{"-tags=a", "-v", "-tags", "b,c d"}}).tags(); !slices.Equal(got, []string{"b", "c", "d"}) {
		t.Errorf("tags: %q, want those of the last flag", got)
	}
}

// TestMerged has flags for the linker in both variables: -s -w stay before them.
func TestMerged(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ flags, more, want, linker []string }{
		{[]string{"-ldflags=-X main.v=1 -X 'main.w=a b'", "-v"}, nil, []string{"-v"}, []string{"-X", "main.v=1", "-X", "main.w=a b"}},
		{[]string{"-v", "--ldflags", "-w"}, []string{"-X", "main.v=1"}, []string{"-v"}, []string{"-w", "-X", "main.v=1"}},
		{[]string{"-ldflags=-w", "-ldflags="}, nil, nil, nil},
		{[]string{"-tags=x"}, []string{"-w"}, []string{"-tags=x"}, []string{"-w"}},
	} {
		got, err := settings{Flags: tt.flags, LDFlags: tt.more}.merged()
		if diff := cmp.Diff(tt.want, got.Flags); err != nil || diff != "" {
			t.Errorf("%q (-want +got): %v\n%s", tt.flags, err, diff)
		}
		if !slices.Equal(got.LDFlags, tt.linker) {
			t.Errorf("%q: the linker gets %q, want %q", tt.flags, got.LDFlags, tt.linker)
		}
	}
	for name, bad := range map[string]string{"flag-ldflags-pattern": "-ldflags=all=-w", "flag-ldflags-quote": "-ldflags=-X 'a"} {
		_, err := settings{Flags: []string{bad}}.merged()
		wantFault(t, name, err)
	}
}

// TestSubstitutes sets variables of the go command that do not reach it.
func TestSubstitutes(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		env  config.Environment
		want string
	}{
		{config.Environment{"GOFLAGS": "-tags=special"}, "GOFLAGS=-tags=special is not used: give flags in BP_GO_BUILD_FLAGS"},
		{config.Environment{"CGO_ENABLED": "1"}, "CGO_ENABLED=1 is not used: programs are compiled without cgo, so use packages in pure Go"},
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
