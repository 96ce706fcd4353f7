package registry_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/authn"

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

// TestWhoLogsIn asks for logins that docker would find in several places. The working folder is an app's, with a configuration of its
// own and a helper that says where it starts.
func TestWhoLogsIn(t *testing.T) {
	const (
		host    = "registry.example.com"
		helper  = `#!/bin/sh` + "\n" + `read key; test "$(pwd)" = / && test "$PWD" = / && echo "{\"Username\":\"$key\",\"Secret\":\"s\"}"` + "\n"
		token   = "#!/bin/sh\n" + `echo '{"Username":"<token>","Secret":"t"}'` + "\n"
		nobody  = "#!/bin/sh\necho credentials not found in native keychain; exit 1\n"
		inFile  = `"auths":{"registry.example.com":{"auth":"ZmlsZTpwYXNz"}}`
		hostile = `{"auths":{"registry.example.com":{"auth":"YXBwOnBhc3M="}}}`
	)
	inTheFile := authn.AuthConfig{Username: "file", Password: "pass"}
	for name, test := range map[string]struct {
		docker, podman, variable string
		homeless                 bool
		want                     authn.AuthConfig
	}{
		"nothing": {},
		"no home": {homeless: true},
		"file":    {docker: `{` + inFile + `}`, want: inTheFile},
		"podman":  {podman: `{` + inFile + `}`, want: inTheFile},
		"helper":  {docker: `{"credsStore":"test",` + inFile + `}`, want: authn.AuthConfig{Username: host + "/team/app", Password: "s"}},
		"helper of": {
			docker: `{"credsStore":"nobody","credHelpers":{"registry.example.com":"token"}}`,
			want:   authn.AuthConfig{IdentityToken: "t"},
		},
		"no helper":   {docker: `{"credsStore":"nobody","credHelpers":{"registry.example.com":""},` + inFile + `}`, want: inTheFile},
		"helper none": {docker: `{"credsStore":"nobody",` + inFile + `}`},
		"team": {
			docker: `{"credHelpers":{"registry.example.com/team/app":"test"}}`,
			want:   authn.AuthConfig{Username: host + "/team/app", Password: "s"},
		},
		"variable": {
			docker: `{"credsStore":"nobody"}`, variable: hostile,
			want: authn.AuthConfig{Username: "app", Password: "pass"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir, app := t.TempDir(), t.TempDir()
			files := map[string]string{
				"docker-credential-test": helper, "docker-credential-token": token, "docker-credential-nobody": nobody,
			}
			for file, content := range map[string]string{".docker/config.json": test.docker, ".config/containers/auth.json": test.podman} {
				if content != "" {
					files[file] = content
				}
			}
			kittest.Write(t, dir, files)
			for _, name := range []string{"test", "token", "nobody"} {
				if err := os.Chmod(filepath.Join(dir, "docker-credential-"+name), 0o755); err != nil {
					t.Fatal(err)
				}
			}
			kittest.Write(t, app, map[string]string{
				".docker/config.json": hostile, "config.json": hostile, "containers/auth.json": hostile, ".config/containers/auth.json": hostile,
			})
			for _, variable := range []string{"DOCKER_CONFIG", "REGISTRY_AUTH_FILE", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME"} {
				t.Setenv(variable, "")
			}
			t.Setenv("HOME", dir)
			if test.homeless {
				t.Setenv("HOME", "")
			}
			t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
			t.Setenv("DOCKER_AUTH_CONFIG", test.variable)
			ref := platformtest.Parse(t, host+"/team/app")
			t.Chdir("/")
			if !test.homeless { // docker looks for another home
				t.Setenv("DOCKER_CONFIG", filepath.Join(dir, ".docker")) // it finds the folder once in a process
				auth, err := authn.DefaultKeychain.Resolve(ref.Context())
				if err != nil {
					t.Fatal(err)
				}
				dockers, err := auth.Authorization()
				if diff := cmp.Diff(test.want, *dockers); err != nil || diff != "" {
					t.Errorf("docker would log in otherwise (%v, -want +got):\n%s", err, diff)
				}
			}
			t.Chdir(app)
			t.Setenv("DOCKER_CONFIG", "")
			login, err := registry.LoginFor(t.Context(), ref)
			if diff := cmp.Diff(test.want, login); err != nil || diff != "" {
				t.Errorf("got (%v, -want +got):\n%s", err, diff)
			}
		})
	}
}
