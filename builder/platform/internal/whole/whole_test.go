package whole_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/strata-buildpacks/strata/builder/platform/internal/whole"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
)

// TestOrder listens to what reaches the disk, and when. It is not parallel: there is one listener.
func TestOrder(t *testing.T) {
	dir := t.TempDir()
	var heard []string
	whole.Watch = func(c whole.Change) {
		text, err := filepath.Rel(dir, c.Path)
		if to, toErr := filepath.Rel(dir, c.To); c.To != "" {
			text, err = filepath.Join(filepath.Dir(text), "*")+" is "+to, toErr
		}
		if err != nil {
			t.Error(err)
		}
		if ok, _ := filepath.Match(whole.PartPrefix+"*", text); ok {
			text = "the new file"
		}
		heard = append(heard, text)
	}
	defer func() { whole.Watch = nil }()
	kittest.Write(t, dir, map[string]string{"made/tool/file": "x", "tools/other": ""})
	for _, step := range []struct {
		do   func() error
		want []string
	}{
		// What is in a folder comes before its name.
		{
			func() error { return whole.Move(filepath.Join(dir, "made/tool"), filepath.Join(dir, "tools/tool")) },
			[]string{"made/tool", "made/* is tools/tool", "tools"},
		},
		{
			func() error { return whole.Write(filepath.Join(dir, "file"), []byte("a")) },
			[]string{"the new file", "* is file", "."},
		},
		// The content is there already, but nobody knows whether it is on the disk.
		{
			func() error { return whole.Write(filepath.Join(dir, "file"), []byte("a")) },
			[]string{"file", "."},
		},
		{
			func() error { return whole.Note(filepath.Join(dir, "file"), []byte("b")) },
			[]string{"* is file"},
		},
	} {
		heard = nil
		if err := step.do(); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(step.want, heard); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
	if content, err := os.ReadFile(filepath.Join(dir, "tools/tool/file")); err != nil || string(content) != "x" {
		t.Errorf("the folder has %q, %v", content, err)
	}
}
