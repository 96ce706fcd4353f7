package registry_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/strata-buildpacks/strata/builder/platform/internal/platformtest"
	"github.com/strata-buildpacks/strata/builder/platform/registry"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
)

// TestCredentials has docker configurations and helpers that are damaged, and some that are not.
func TestCredentials(t *testing.T) {
	const host = "registry.example.com"
	for name, test := range map[string]struct {
		config, helper string
		right          bool
	}{
		"none":           {right: true},
		"anonymous":      {config: `{"auths":{}}`, right: true},
		"login":          {config: `{"auths":{"registry.example.com":{"auth":"dXNlcjpwYXNz"}}}`, right: true},
		"helper":         {config: `{"credsStore":"strata-test"}`, helper: `echo '{"Username":"u","Secret":"s"}'`, right: true},
		"helper-no-user": {config: `{"credsStore":"strata-test"}`, helper: "echo credentials not found in native keychain; exit 1", right: true},
		"syntax":         {config: `{"auths":{`},
		"type":           {config: `{"auths":[]}`},
		"base64":         {config: `{"auths":{"other.example.com":{"auth":"%%%"}}}`},
		"no-user":        {config: `{"auths":{"registry.example.com":{"auth":"bm9ib2R5"}}}`},
		"helper-missing": {config: `{"credHelpers":{"registry.example.com":"strata-absent"}}`},
		"helper-fails":   {config: `{"credsStore":"strata-test"}`, helper: "echo the keychain is locked; exit 3"},
		"helper-silent":  {config: `{"credsStore":"strata-test"}`, helper: "exit 1"},
		"helper-garbage": {config: `{"credsStore":"strata-test"}`, helper: "echo hello"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			t.Setenv("HOME", dir)
			t.Setenv("DOCKER_CONFIG", dir)
			t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
			if test.config != "" {
				const helper = "docker-credential-strata-test"
				kittest.Write(t, dir, map[string]string{"config.json": test.config, helper: "#!/bin/sh\n" + test.helper + "\n"})
				if err := os.Chmod(filepath.Join(dir, helper), 0o755); err != nil {
					t.Fatal(err)
				}
			}
			ref := platformtest.Parse(t, host+"/team/app")
			err := registry.CheckCredentials(t.Context(), ref)
			if test.right {
				if err != nil {
					t.Error(err)
				}
				return
			}
			kittest.Golden(t, "credentials-"+name+".txt", platformtest.Fault(t, err, dir, "<docker>"))
			client, newErr := registry.New(registry.Options{})
			if newErr != nil {
				t.Fatal(newErr)
			}
			_, used := client.Single(t.Context(), ref) // no registry is asked without credentials
			if used == nil || used.Error() != err.Error() {
				t.Errorf("reading from the registry: got %v, want %v", used, err)
			}
		})
	}
}
