package registry

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/docker/cli/cli/config"
	"github.com/docker/cli/cli/config/configfile"
	"github.com/docker/cli/cli/config/types"
	"github.com/docker/docker-credential-helpers/client"
	helpers "github.com/docker/docker-credential-helpers/credentials"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"

	"github.com/strata-buildpacks/strata/builder/host"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

// CheckCredentials finds out whether the docker configuration and its helpers can say who the user is where an image goes. No
// registry is asked. Its errors are faults.
func CheckCredentials(ctx context.Context, ref name.Reference) error {
	_, err := credentials{}.ResolveContext(ctx, ref.Context())
	return err
}

// credentials are those of the docker configuration and its helpers. Their errors are faults that name the file or the helper.
type credentials struct{}

func (c credentials) Resolve(target authn.Resource) (authn.Authenticator, error) {
	return c.ResolveContext(context.Background(), target)
}

func (credentials) ResolveContext(ctx context.Context, target authn.Resource) (authn.Authenticator, error) {
	docker, err := readConfig()
	if err != nil {
		return nil, explainCredentials(target, err)
	}
	for _, key := range []string{target.String(), target.RegistryStr()} {
		if key == name.DefaultRegistry {
			key = authn.DefaultAuthKey
		}
		login, err := loginOf(ctx, docker, key)
		if err != nil {
			return nil, explainCredentials(target, err)
		}
		if login != (authn.AuthConfig{}) {
			return authn.FromConfig(login), nil
		}
	}
	return authn.Anonymous, nil
}

// readConfig reads the docker configuration, which may be that of podman. Without one there are no logins.
func readConfig() (*configfile.ConfigFile, error) {
	path := configFile()
	if path == "" {
		return configfile.New(""), nil
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return config.LoadFromReader(file)
}

// loginOf returns the login under a key of a docker configuration, nothing if there is none. As for docker, DOCKER_AUTH_CONFIG
// comes before helpers, and a helper before what the file has. Helpers start outside of the working folder, which may be an app's.
func loginOf(ctx context.Context, docker *configfile.ConfigFile, key string) (authn.AuthConfig, error) {
	login, err := configfile.New("").GetAuthConfig(key) // of the variable alone
	if err != nil {
		return authn.AuthConfig{}, err
	}
	program, named := docker.CredentialHelpers[key]
	if !named {
		program = docker.CredentialsStore
	}
	login.ServerAddress = ""
	if login == (types.AuthConfig{}) && program != "" {
		return ask(ctx, program, key)
	}
	if login == (types.AuthConfig{}) {
		login, err = docker.GetAuthConfig(key)
	}
	return authn.AuthConfig{
		Username: login.Username, Password: login.Password, Auth: login.Auth,
		IdentityToken: login.IdentityToken, RegistryToken: login.RegistryToken,
	}, err
}

// ask asks a helper for a login.
func ask(ctx context.Context, name, key string) (authn.AuthConfig, error) {
	program := func(args ...string) client.Program {
		cmd := host.Command(ctx, "docker-credential-"+name, args...)
		cmd.Stderr = os.Stderr
		return helper{cmd.Output, &cmd.Stdin}
	}
	said, err := client.Get(program, key)
	switch {
	case helpers.IsErrCredentialsNotFound(err):
		return authn.AuthConfig{}, nil
	case err != nil:
		return authn.AuthConfig{}, err
	case said.Username == "<token>": // github.com/docker/docker-credential-helpers
		return authn.AuthConfig{IdentityToken: said.Secret}, nil
	}
	return authn.AuthConfig{Username: said.Username, Password: said.Secret}, nil
}

// helper is a program that has logins.
type helper struct {
	output func() ([]byte, error)
	stdin  *io.Reader
}

func (h helper) Output() ([]byte, error) { return h.output() }
func (h helper) Input(in io.Reader)      { *h.stdin = in }

// dockerConfig is what a docker configuration says of credentials.
type dockerConfig struct {
	Auths       map[string]struct{ Auth string }
	CredsStore  string
	CredHelpers map[string]string
}

// explainCredentials says which file or helper gives no credentials.
func explainCredentials(target authn.Resource, err error) error {
	file, host := configFile(), target.RegistryStr()
	again := fmt.Sprintf("log in again with `docker login %s`", host)
	f := fault.Fault{
		ID:   "registry-credentials",
		What: fmt.Sprintf("the credentials for %s cannot be read from %s", host, file),
		Err:  errors.New(own(err, file)),
		Do:   "repair the file, or remove it and " + again,
	}
	content, readErr := os.ReadFile(file)
	var config dockerConfig
	if readErr != nil || json.Unmarshal(content, &config) != nil {
		return f
	}
	for _, entry := range slices.Sorted(maps.Keys(config.Auths)) {
		login, err := base64.StdEncoding.DecodeString(config.Auths[entry].Auth)
		if err != nil || len(login) > 0 && strings.IndexByte(string(login), ':') < 1 {
			f.What = fmt.Sprintf("the login for %s in %s is damaged", entry, file)
			f.Do = fmt.Sprintf("take it out of the file and log in again with `docker login %s`", entry)
			return f
		}
	}
	key := host
	if key == name.DefaultRegistry {
		key = authn.DefaultAuthKey
	}
	if helper := cmp.Or(config.CredHelpers[target.String()], config.CredHelpers[key], config.CredsStore); helper != "" {
		f.What = fmt.Sprintf("docker-credential-%s, which %s names, gives no credentials for %s", helper, file, host)
		f.Do = "install or repair it, or take it out of the file and " + again
	}
	return f
}

// own is what docker's error adds to the name of the file or the helper.
func own(err error, file string) string {
	if wrong := new(json.UnmarshalTypeError); errors.As(err, &wrong) {
		return fmt.Sprintf("%s is of the wrong type, %s", wrong.Field, wrong.Value)
	}
	text := strings.TrimPrefix(err.Error(), fmt.Sprintf("parsing config file (%s): ", file))
	text = strings.TrimPrefix(text, "error getting credentials - err: ")
	return strings.TrimSuffix(text, ", out: ``")
}

// configFile returns the file in which credentials are, docker's or else podman's, or "" if there is none. The working folder, which may
// be an app's, counts only if a variable names it.
func configFile() string {
	home, _ := os.UserHomeDir() // without a home there is no file in it
	var files []string
	in := func(folder string, path ...string) {
		if folder != "" {
			files = append(files, filepath.Join(slices.Insert(path, 0, folder)...))
		}
	}
	if folder := os.Getenv("DOCKER_CONFIG"); folder != "" {
		in(folder, "config.json")
	} else {
		in(home, ".docker", "config.json")
	}
	in(os.Getenv("REGISTRY_AUTH_FILE"))
	in(os.Getenv("XDG_RUNTIME_DIR"), "containers", "auth.json")
	if folder := os.Getenv("XDG_CONFIG_HOME"); folder != "" {
		in(folder, "containers", "auth.json")
	} else {
		in(home, ".config", "containers", "auth.json")
	}
	for _, file := range files {
		if info, err := os.Stat(file); err == nil && !info.IsDir() {
			return file
		}
	}
	return ""
}
