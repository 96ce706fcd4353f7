package registry

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"

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
	auth, err := authn.Resolve(ctx, authn.DefaultKeychain, target)
	if err != nil {
		return nil, explainCredentials(target, err)
	}
	return auth, nil
}

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

// configFile returns the file in which the keychain finds credentials.
func configFile() string {
	home, _ := os.UserHomeDir() // without a home there is no file in it
	docker := filepath.Join(cmp.Or(os.Getenv("DOCKER_CONFIG"), filepath.Join(home, ".docker")), "config.json")
	podman := filepath.Join(cmp.Or(os.Getenv("XDG_CONFIG_HOME"), filepath.Join(home, ".config")), "containers", "auth.json")
	running := filepath.Join(os.Getenv("XDG_RUNTIME_DIR"), "containers", "auth.json")
	for _, file := range []string{docker, os.Getenv("REGISTRY_AUTH_FILE"), running, podman} {
		if info, err := os.Stat(file); err == nil && !info.IsDir() {
			return file
		}
	}
	return docker
}
