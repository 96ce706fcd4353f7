package ldcache_test

import (
	"bytes"
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
	"github.com/strata-buildpacks/strata/stacks/internal/ldcache"
)

func libraries(names ...string) []ldcache.Library {
	var out []ldcache.Library
	for _, n := range names {
		out = append(out, ldcache.Library{Soname: n, Path: "/lib/x86_64-linux-gnu/" + n})
	}
	return out
}

func TestFormat(t *testing.T) {
	t.Parallel()
	a, err := ldcache.Format("amd64", libraries("libc.so.6", "liba.so.9", "liba.so.10", "liba-2.so", "libab.so"))
	if err != nil {
		t.Fatal(err)
	}
	b, err := ldcache.Format("amd64", libraries("libab.so", "liba-2.so", "liba.so.10", "liba.so.9", "libc.so.6"))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(a, b) {
		t.Error("the bytes depend on the order of the libraries")
	}
	kittest.Golden(t, "cache.txt", hex.Dump(a))
	if _, err := ldcache.Format("s390x", nil); err == nil {
		t.Error("an architecture whose flags are not known gave no error")
	}
}

// TestLdconfigReads has Debian's own tool list the cache.
func TestLdconfigReads(t *testing.T) {
	t.Parallel()
	ldconfig, err := exec.LookPath("ldconfig")
	if err != nil {
		if ldconfig, err = exec.LookPath("/sbin/ldconfig"); err != nil {
			t.Skip("there is no ldconfig: install libc-bin")
		}
	}
	b, err := ldcache.Format("amd64", libraries("libc.so.6", "liba.so.9", "liba.so.10"))
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "ld.so.cache")
	if err := os.WriteFile(file, b, 0o644); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), ldconfig, "-p", "-C", file).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	var got []string
	for line := range strings.Lines(string(out)) {
		if strings.HasPrefix(line, "\t") {
			got = append(got, strings.TrimSpace(line))
		}
	}
	want := []string{
		"libc.so.6 (libc6,x86-64) => /lib/x86_64-linux-gnu/libc.so.6",
		"liba.so.10 (libc6,x86-64) => /lib/x86_64-linux-gnu/liba.so.10",
		"liba.so.9 (libc6,x86-64) => /lib/x86_64-linux-gnu/liba.so.9",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestSoname(t *testing.T) {
	t.Parallel()
	found, err := filepath.Glob("/lib/*-linux-gnu/libc.so.6")
	if err != nil || len(found) == 0 {
		t.Skip("this machine has no glibc at Debian's path")
	}
	b, err := os.ReadFile(found[0])
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		data []byte
		want string
	}{{b, "libc.so.6"}, {b[:100], ""}, {[]byte("#!/bin/sh\n"), ""}} {
		if got := ldcache.Soname(test.data); got != test.want {
			t.Errorf("got %q, want %q", got, test.want)
		}
	}
}
