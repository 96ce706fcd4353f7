package imagename_test

import (
	"strings"
	"testing"

	"github.com/strata-buildpacks/strata/builder/platform/imagename"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
)

// FuzzParse reads names of images: the full name, and the short one, are read as the same image.
func FuzzParse(f *testing.F) {
	for _, text := range []string{
		"app", "localhost:5000/a/b:1", "registry.example.test/a__b@sha256:" + strings.Repeat("0a", 32), "a:b@sha256:" + strings.Repeat("0", 64),
		"[::1]:5000/a", "docker.io/library/a", "a/../b", "A", "a:", ":99999/a", "index.docker.io/a-debug:x",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		ref, err := imagename.Parse(text)
		if err != nil {
			kittest.Fault(t, err)
			return
		}
		for _, again := range []string{ref.Name(), imagename.Short(ref.Name())} {
			if same, err := imagename.Parse(again); err != nil || same.Name() != ref.Name() {
				t.Errorf("%q is %q, which is %v (%v)", text, again, same, err)
			}
		}
		if strings.ContainsAny(ref.Name(), " \n\x00\\") || strings.Contains("/"+ref.Context().RepositoryStr()+"/", "/../") {
			t.Errorf("%q is %q", text, ref.Name())
		}
		twin := imagename.DebugTwin(ref.Name())
		if imagename.DebugTwin(twin) != twin || imagename.WithoutDebug(twin) != imagename.WithoutDebug(ref.Name()) {
			t.Errorf("the twin of %q is %q", ref.Name(), twin)
		}
	})
}

// FuzzBase makes names of folders: each is one that a registry takes.
func FuzzBase(f *testing.F) {
	for _, text := range []string{"", "/", "My App.", "a/-_-/", "\u00e9._-b", "a__.b"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		base := imagename.Base(text)
		if _, err := imagename.ParseTag(base); err != nil || strings.Contains(base, "/") {
			t.Errorf("%q is called %q: %v", text, base, err)
		}
	})
}
