package run

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/strata-buildpacks/strata/builder/platform/internal/platformtest"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
)

// rootOf is the root of an image with some files.
func rootOf(t *testing.T, files map[string]string) *os.Root {
	t.Helper()
	dir := t.TempDir()
	kittest.Write(t, dir, files)
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	return root
}

// TestLinksOfAnImage has an image whose links lead to the host.
func TestLinksOfAnImage(t *testing.T) {
	t.Parallel()
	outside := t.TempDir()
	kittest.Write(t, outside, map[string]string{"passwd": "me:x:7:7::/secret:/bin/sh\n", "process/web": "", "lifecycle/launcher": ""})
	root := rootOf(t, map[string]string{"etc/hosts": ""})
	for name, target := range map[string]string{"etc/passwd": filepath.Join(outside, "passwd"), "cnb": outside} {
		if err := root.Symlink(target, name); err != nil {
			t.Fatal(err)
		}
	}
	if home, err := homeOf(root, 7); err == nil {
		t.Errorf("it reads the host's passwd: %s", home)
	}
	if types := processes(root); len(types) > 0 {
		t.Errorf("it lists the host's files: %v", types)
	}
	if got, err := command(v1.Config{}, Options{Command: "/sh"}, root); err != nil || got[0] != "/sh" {
		t.Errorf("it takes the host's launcher: %v, %v", got, err)
	}
}

// TestCommand asks what is executed in an image with the process types web and worker.
func TestCommand(t *testing.T) {
	t.Parallel()
	root := rootOf(t, map[string]string{"cnb/process/web": "", "cnb/process/worker": "", "cnb/lifecycle/launcher": ""})
	steering := rootOf(t, map[string]string{"cnb/process/\x1b[2Jweb": ""})
	bare := rootOf(t, map[string]string{"usr/bin/env": ""})
	path := []string{"PATH=/usr/local/bin:/usr/bin"}
	image := v1.Config{Env: []string{"CNB_PLATFORM_API=0.15"}, Entrypoint: []string{"/cnb/process/web"}, Cmd: []string{"-v"}}
	for name, test := range map[string]struct {
		config  v1.Config
		options Options
		root    *os.Root
		want    []string
		fault   string // golden file
	}{
		"the image's own":      {image, Options{}, root, []string{"/cnb/process/web", "-v"}, ""},
		"with arguments":       {image, Options{Args: []string{"-x"}}, root, []string{"/cnb/process/web", "-x"}, ""},
		"a process type":       {image, Options{Process: "worker", Args: []string{"1"}}, root, []string{"/cnb/process/worker", "1"}, ""},
		"no such type":         {image, Options{Image: "app", Process: "cron"}, root, nil, "process-unknown.txt"},
		"a path":               {image, Options{Image: "app", Process: "../lifecycle/launcher"}, root, nil, "process-path.txt"},
		"no default":           {v1.Config{}, Options{Image: "app"}, root, nil, "process-missing.txt"},
		"escapes":              {image, Options{Image: "app", Process: "x"}, steering, nil, "process-escapes.txt"},
		"no types at all":      {v1.Config{}, Options{Image: "base"}, bare, nil, "process-none.txt"},
		"a name, not a path":   {v1.Config{Cmd: []string{"sh"}}, Options{Image: "app"}, root, nil, "process-missing.txt"},
		"a program":            {image, Options{Command: "ls", Args: []string{"-l"}}, root, []string{"/" + launcher, "--", "ls", "-l"}, ""},
		"a builder's program":  {v1.Config{}, Options{Command: "/bin/ls"}, root, []string{"/bin/ls"}, ""},
		"a program on PATH":    {v1.Config{Env: path}, Options{Command: "env"}, bare, []string{"/usr/bin/env"}, ""},
		"a program's path":     {v1.Config{Env: path}, Options{Command: "/bin/env"}, bare, []string{"/bin/env"}, ""},
		"no such program":      {v1.Config{Env: path}, Options{Image: "base", Command: "sh"}, bare, nil, "program-missing.txt"},
		"a command, not CNB's": {v1.Config{Cmd: []string{"/bin/sh", "-c"}}, Options{}, root, []string{"/bin/sh", "-c"}, ""},
	} {
		got, err := command(test.config, test.options, test.root)
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
	for file, text := range map[string]string{
		"user-name.txt": "nobody", "user-none.txt": "", "group-name.txt": "1:staff", "user-negative.txt": "-1", "user-large.txt": "4294967295",
	} {
		_, _, err := user(text)
		kittest.Golden(t, file, platformtest.Fault(t, err))
	}
}

// TestAsTheApp gives the owner of a file the rights that the app's user has.
func TestAsTheApp(t *testing.T) {
	t.Parallel()
	owner := asTheApp(1002, 1000)
	for _, test := range []struct {
		uid, gid   int
		mode, want fs.FileMode
	}{
		{1002, 1000, 0o640, 0o640},
		{1002, 0, 0o640, 0o640},
		{1001, 1000, 0o755, 0o555},
		{1001, 1000, 0o775, 0o775},
		{0, 0, 0o755, 0o555},
		{0, 0, 0o600, 0o000},
		{0, 0, 0o777, 0o777},
	} {
		uid, gid, mode := owner(test.uid, test.gid, test.mode)
		if uid != os.Getuid() || gid != os.Getgid() || mode != test.want {
			t.Errorf("%d:%d %v: got %d:%d %v, want %v", test.uid, test.gid, test.mode, uid, gid, mode, test.want)
		}
	}
}

// TestHomeOf finds the home of a user in the image.
func TestHomeOf(t *testing.T) {
	t.Parallel()
	if home, err := homeOf(rootOf(t, nil), 1002); err != nil || home != "/" {
		t.Errorf("in an image without /etc/passwd: %q (%v)", home, err)
	}
	const passwd = "root:x:0:0:root:/root:/bin/sh\nnonroot:x:1002:1000::/home/nonroot:/sbin/nologin\nbroken:1003\n"
	root := rootOf(t, map[string]string{"etc/passwd": passwd})
	for uid, want := range map[int]string{0: "/root", 1002: "/home/nonroot", 1003: "/", 5: "/"} {
		if home, err := homeOf(root, uid); err != nil || home != want {
			t.Errorf("of %d: %q (%v), want %q", uid, home, err, want)
		}
	}
}
