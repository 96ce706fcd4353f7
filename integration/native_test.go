package integration

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestNativeBuild builds each sample and asks it, builds it again, and changes it.
func TestNativeBuild(t *testing.T) {
	suite(t, everyUser)
	t.Parallel()
	name := image(t)
	tests := []struct {
		who               who
		app, answer, file string // which begins with another word after a change
		args              []string
		run               string   // the distribution that the image stands on
		files             []string // of the layer
	}{
		{
			who: everyUser, app: "make", answer: "Hello from make.", file: "greeting.c", run: "strata-glibc",
			files: []string{"bin/greeter"},
		},
		{
			who: nightly, app: "make", answer: "Hello from make.", file: "greeting.c", args: []string{"--run-image", "static"},
			run: "strata-static", files: []string{"bin/greeter"},
		},
		{
			who: nightly, app: "cmake", answer: "Hello from C++20, with a file that is installed.", file: "greeting.cpp", run: "strata-glibc",
			files: []string{"bin/greeter", "lib/libgreeting.so", "share/greeter/words.txt"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.app+strings.TrimPrefix(tt.run, "strata"), func(t *testing.T) {
			skipShown(t, tt.who)
			app := filepath.Join(t.TempDir(), tt.app)
			if err := os.CopyFS(app, os.DirFS(filepath.Join("testdata", "native", tt.app))); err != nil {
				t.Fatal(err)
			}
			digest := build(t, app, name, tt.args...)
			if body := strings.TrimSpace(ask(t, name, "/")); body != tt.answer {
				t.Errorf("it answers %q, want %q", body, tt.answer)
			}
			if again := build(t, app, name, tt.args...); again != digest {
				t.Errorf("nothing changed, and the digest is %s instead of %s", again, digest)
			}
			first := inspect(t, digest)
			if diff := cmp.Diff([]string{"installed"}, sortedKeys(first.layersOf(t, "strata/native"))); diff != "" {
				t.Errorf("layers (-want +got):\n%s", diff)
			}
			files := first.files(t)
			for _, file := range tt.files {
				if !strings.Contains(files, "/installed/"+file+"\n") {
					t.Errorf("the image has no %s", file)
				}
			}
			for _, gone := range []string{".hpp\n", ".h\n", "/Makefile\n", ".o\n"} {
				if strings.Contains(files, gone) {
					t.Errorf("the image has a file %s", gone)
				}
			}
			if processes := first.processes(t); !slices.Contains(processes, "web*") {
				t.Errorf("the processes are %v", processes)
			}
			edit(t, app, tt.file, "Hello", "Goodbye")
			build(t, app, name, tt.args...)
			if body, want := strings.TrimSpace(ask(t, name, "/")), strings.Replace(tt.answer, "Hello", "Goodbye", 1); body != want {
				t.Errorf("after the change it answers %q, want %q", body, want)
			}
		})
	}
}
