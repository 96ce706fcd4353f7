package host_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/strata-buildpacks/strata/builder/host"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
)

// TestOutsideOfTheApp runs programs while the working folder is an app's, with files that they would read there.
func TestOutsideOfTheApp(t *testing.T) {
	app, bin := t.TempDir(), t.TempDir()
	kittest.Write(t, app, map[string]string{
		"go.mod": "module example.test/app\n\ngo 1.99.0\n\ntoolchain go1.99.1\n", "go.work": "go 1.99.0\n",
		".npmrc": "registry=https://hostile.example.test/\n", "package.json": `{"packageManager":"npm@99.0.0"}`,
	})
	if err := os.WriteFile(filepath.Join(bin, "where"), []byte("#!/bin/sh\necho \"$PWD\" \"$(pwd)\" \"$KEPT\"\nls -a\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Chdir(app)
	t.Setenv("PWD", app)
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	t.Setenv("KEPT", "kept")
	t.Setenv("GOTOOLCHAIN", "auto")
	t.Setenv("GOPROXY", "off")
	t.Setenv("GOWORK", "")
	for _, tt := range []struct {
		name string
		args []string
		want string
	}{
		{"where", nil, "/ / kept"},
		{"go", []string{"env", "GOPROXY", "GOTOOLCHAIN", "GOMOD", "GOWORK"}, "off\nlocal\n/dev/null\noff"},
		{"npm", []string{"config", "get", "registry"}, "https://"},
	} {
		if _, err := exec.LookPath(tt.name); err != nil {
			t.Logf("%v: not tried", err)
			continue
		}
		out, err := host.Command(t.Context(), tt.name, tt.args...).CombinedOutput()
		said := string(out)
		if err != nil || !strings.HasPrefix(said, tt.want) || strings.Contains(said, "hostile") || strings.Contains(said, ".npmrc") {
			t.Errorf("%s: %v and\n%swant\n%s", tt.name, err, said, tt.want)
		}
	}
}
