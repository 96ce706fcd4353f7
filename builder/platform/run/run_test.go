package run

import (
	"slices"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/strata-buildpacks/strata/builder/platform/internal/platformtest"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
)

// TestCommand asks what is executed in an image with the process types web and worker.
func TestCommand(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	kittest.Write(t, root, map[string]string{"cnb/process/web": "", "cnb/process/worker": "", "cnb/lifecycle/launcher": ""})
	image := v1.Config{Entrypoint: []string{"/cnb/process/web"}, Cmd: []string{"-v"}}
	for name, test := range map[string]struct {
		config  v1.Config
		options Options
		want    []string
		fault   string // golden file
	}{
		"the image's own":      {image, Options{}, []string{"/cnb/process/web", "-v"}, ""},
		"with arguments":       {image, Options{Args: []string{"-x"}}, []string{"/cnb/process/web", "-x"}, ""},
		"a process type":       {image, Options{Process: "worker", Args: []string{"1"}}, []string{"/cnb/process/worker", "1"}, ""},
		"no such type":         {image, Options{Image: "app", Process: "cron"}, nil, "process-unknown.txt"},
		"a path":               {image, Options{Image: "app", Process: "../lifecycle/launcher"}, nil, "process-path.txt"},
		"no default":           {v1.Config{}, Options{Image: "app"}, nil, "process-missing.txt"},
		"a name, not a path":   {v1.Config{Cmd: []string{"sh"}}, Options{Image: "app"}, nil, "process-missing.txt"},
		"a command, not CNB's": {v1.Config{Cmd: []string{"/bin/sh", "-c"}}, Options{}, []string{"/bin/sh", "-c"}, ""},
	} {
		got, err := command(test.config, test.options, root)
		if test.fault != "" {
			kittest.Golden(t, test.fault, platformtest.Fault(t, err))
			continue
		}
		if err != nil || !slices.Equal(got, test.want) {
			t.Errorf("%s: got %v (%v), want %v", name, got, err, test.want)
		}
	}
}

func TestUser(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][2]int{"1002:1000": {1002, 1000}, "7": {7, 7}, "0:0": {0, 0}} {
		if uid, gid, err := user(text); err != nil || [2]int{uid, gid} != want {
			t.Errorf("%q: got %d:%d (%v), want %v", text, uid, gid, err, want)
		}
	}
	for file, text := range map[string]string{"user-name.txt": "nobody", "user-none.txt": "", "group-name.txt": "1:staff"} {
		_, _, err := user(text)
		kittest.Golden(t, file, platformtest.Fault(t, err))
	}
}

// TestHomeOf finds the home of a user in the image.
func TestHomeOf(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	if home, err := homeOf(root, 1002); err != nil || home != "/" {
		t.Errorf("in an image without /etc/passwd: %q (%v)", home, err)
	}
	const passwd = "root:x:0:0:root:/root:/bin/sh\nnonroot:x:1002:1000::/home/nonroot:/sbin/nologin\nbroken:1003\n"
	kittest.Write(t, root, map[string]string{"etc/passwd": passwd})
	for uid, want := range map[int]string{0: "/root", 1002: "/home/nonroot", 1003: "/", 5: "/"} {
		if home, err := homeOf(root, uid); err != nil || home != want {
			t.Errorf("of %d: %q (%v), want %q", uid, home, err, want)
		}
	}
}
