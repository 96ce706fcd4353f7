package main

import (
	"bytes"
	"debug/elf"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/crane"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"github.com/strata-buildpacks/strata/buildpacks/kit/elf/elftest"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
)

// TestLinkage prints what a file needs, and what those of an archive do.
func TestLinkage(t *testing.T) {
	t.Parallel()
	const (
		glibc = "/lib64/ld-linux-x86-64.so.2"
		musl  = "/lib/ld-musl-x86_64.so.1"
	)
	dir := t.TempDir()
	program := elftest.Program(elf.EM_X86_64, glibc, "libpq.so.5", "libm.so.6", "libc.so.6")
	kittest.Write(t, dir, map[string]string{
		"glibc": program, "static": elftest.Program(elf.EM_X86_64, ""), "musl": elftest.Program(elf.EM_X86_64, musl, "libc.musl-x86_64.so.1"),
		"text": "no program", "arm": elftest.Program(elf.EM_AARCH64, "/lib/ld-linux-aarch64.so.1", "libc.so.6"),
		"other":  elftest.Program(elf.EM_386, ""),
		"beside": elftest.Library(elf.EM_X86_64, "$ORIGIN/lib", "libmine.so.1"), "lib/libmine.so.1": elftest.Program(elf.EM_X86_64, ""),
	})
	kittest.Write(t, dir, map[string]string{
		"opens": elftest.Note(elftest.Program(elf.EM_X86_64, "", "libc.so.6"), 0x407c0c0a,
			`[{"soname":["libz.so.9","libz.so.1"],"priority":"suggested"},{"soname":["libbpf.so.1"],"priority":"required"}]`),
		"converts": elftest.Calls(elf.EM_X86_64, "iconv_open"),
	})
	image, err := crane.Image(map[string][]byte{
		"layers/web/bin/web":         []byte(program),
		"layers/web/bin/tool":        []byte(elftest.Program(elf.EM_X86_64, "")),
		"layers/libs/lib/libpq.so.5": []byte(elftest.Program(elf.EM_X86_64, "", "libssl.so.3", "libldap.so.2", "libc.so.6")),
		// What the run image has by itself.
		"usr/lib/x86_64-linux-gnu/libc.so.6": []byte(elftest.Program(elf.EM_X86_64, "", "ld-linux-x86-64.so.2")),
		"etc/motd":                           []byte("text"),
	})
	if err != nil {
		t.Fatal(err)
	}
	tag, err := name.NewTag("foreign/app:1")
	if err != nil {
		t.Fatal(err)
	}
	if err := tarball.WriteToFile(filepath.Join(dir, "image.tar"), tag, image); err != nil {
		t.Fatal(err)
	}
	var all bytes.Buffer
	for _, file := range []string{"glibc", "static", "musl", "arm", "beside", "opens", "converts", "image.tar"} {
		all.WriteString("strata linkage " + file + "\n")
		if err := printLinkage(&all, nil, filepath.Join(dir, file), "../../stacks/images"); err != nil {
			t.Errorf("%s: %v", file, err)
		}
		all.WriteString("\n")
	}
	blanks := func(text string) string { // the folder's name decides how wide the columns are
		lines := strings.Split(strings.ReplaceAll(text, dir+"/", ""), "\n")
		for i, line := range lines {
			if fields := strings.Fields(line); len(fields) > 0 && strings.HasPrefix(line, " ") {
				lines[i] = "  " + strings.Join(fields, " ")
			} else {
				lines[i] = strings.Join(fields, " ")
			}
		}
		return strings.Join(lines, "\n")
	}
	kittest.Golden(t, "linkage.txt", blanks(all.String()))
	for _, file := range []string{"text", "other"} {
		kittest.Fault(t, printLinkage(&bytes.Buffer{}, nil, filepath.Join(dir, file), "../../stacks/images"))
	}
	kittest.Fault(t, printLinkage(&bytes.Buffer{}, nil, filepath.Join(dir, "glibc"), t.TempDir()))
}
