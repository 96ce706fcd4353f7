package elf_test

import (
	debugelf "debug/elf"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/strata-buildpacks/strata/buildpacks/kit/elf"
	"github.com/strata-buildpacks/strata/buildpacks/kit/elf/elftest"
)

// TestOpened reads notes of what files open by name, and nothing of those that are damaged or of another type.
func TestOpened(t *testing.T) {
	t.Parallel()
	const ours = 0x407c0c0a
	plain := elftest.Program(debugelf.EM_X86_64, "", "libc.so.6")
	note := func(text string) string { return elftest.Note(plain, ours, text) }
	all := `[{"soname":["liblzma.so.5"],"feature":"lzma","description":"x","priority":"suggested"},` +
		`{"soname":["libz.so.2","libz.so.1"]},{"soname":["libbpf.so.1"],"priority":"required"}]`
	for name, test := range map[string]struct {
		file string
		want []elf.Opened
	}{
		"all": {note(all), []elf.Opened{{Names: []string{"liblzma.so.5"}, Priority: "suggested"},
			{Names: []string{"libz.so.2", "libz.so.1"}, Priority: "recommended"}, {Names: []string{"libbpf.so.1"}, Priority: "required"}}},
		"other priority": {note(`[{"soname":["a.so"],"priority":"nice"}]`), []elf.Opened{{Names: []string{"a.so"}, Priority: "recommended"}}},
		"paths": {note(`[{"soname":["../a.so","/b.so","c\nd","e.so"]},{"soname":[]}]`),
			[]elf.Opened{{Names: []string{"e.so"}, Priority: "recommended"}}},
		"none":       {plain, nil},
		"other type": {elftest.Note(plain, 1, all), nil},
		"no JSON":    {note(`[{"soname":`), nil},
		"other JSON": {note(`{"soname":["a.so"]}`), nil},
		"cut":        {note(all)[:len(note(all))-40], nil},
		"long":       {note(`[{"soname":["` + strings.Repeat("a", 1<<17) + `"]}]`), nil},
	} {
		got, loaded, err := elf.ReadAt(strings.NewReader(test.file))
		if diff := cmp.Diff(test.want, got.Opened); err != nil || !loaded || diff != "" {
			t.Errorf("%s: %t, %v (-want +got):\n%s", name, loaded, err, diff)
		}
	}
	for file, want := range map[string]bool{
		plain: false, elftest.Calls(debugelf.EM_X86_64, "free", "iconv_open", "read"): true,
		elftest.Calls(debugelf.EM_X86_64, "libiconv_open"): false,
	} {
		if got, _, err := elf.ReadAt(strings.NewReader(file)); err != nil || got.Converts != want {
			t.Errorf("converts is %t, want %t (%v)", got.Converts, want, err)
		}
	}
}
