package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"github.com/strata-buildpacks/strata/builder/compose"
	"github.com/strata-buildpacks/strata/builder/platform/sandbox"
	"github.com/strata-buildpacks/strata/buildpacks/kit/deb"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/stacks/assemble"
)

func doctorCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "doctor",
		Short: "Say what on this machine would stop a build, and what to do",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return doctor(cmd) },
	}
}

// examination looks at one thing that builds need. It returns what it found; its error says what would stop a build.
type examination struct {
	name string
	look func(context.Context) (string, error)
}

// doctor prints what it finds. Its error says how much would stop a build.
func doctor(cmd *cobra.Command) error {
	list := []examination{
		{"suite", examineSuite}, {"sandbox", examineSandbox}, {"disk", examineDisk}, {"authorities", examineAuthorities},
	}
	addresses, err := machineAddresses(cmd.Context())
	if err != nil {
		list = append(list, examination{"registries", func(context.Context) (string, error) { return "", err }})
	}
	for _, variable := range slices.Sorted(maps.Keys(addresses)) {
		for _, address := range addresses[variable] {
			list = append(list, examination{variable, func(ctx context.Context) (string, error) { return answers(ctx, variable, address) }})
		}
	}
	wrong := 0
	for _, one := range list {
		found, err := one.look(cmd.Context())
		if err != nil {
			wrong++
			cmd.Printf("no   %s: %v\n", one.name, err)
			continue
		}
		cmd.Printf("ok   %s: %s\n", one.name, found)
	}
	if wrong > 0 {
		return fault.Fault{
			ID: "doctor", What: fmt.Sprintf("%d of %d would stop a build", wrong, len(list)), Do: "see the lines that begin with no",
		}
	}
	return nil
}

// examineSuite finds the suite that a builder is made from.
func examineSuite(context.Context) (string, error) {
	path, err := findConfig("")
	if err != nil {
		return "", err
	}
	return filepath.Dir(path), nil
}

// examineSandbox starts this program in a sandbox.
func examineSandbox(ctx context.Context) (string, error) {
	root, err := os.MkdirTemp("", "strata-doctor-*")
	if err != nil {
		return "", err
	}
	defer func() { _ = os.RemoveAll(root) }() // a folder of temporary files
	program, err := os.Executable()
	if err != nil {
		return "", err
	}
	for _, folder := range []string{"dev", "proc", "tmp"} {
		err = errors.Join(err, os.Mkdir(filepath.Join(root, folder), 0o755))
	}
	err = errors.Join(err, os.Chmod(root, 0o755), os.WriteFile(filepath.Join(root, "strata"), nil, 0o755))
	if err != nil {
		return "", err
	}
	var output strings.Builder
	err = sandbox.Run(ctx, sandbox.Spec{
		Root: root, UID: 1001, GID: 1000, Dir: "/", Args: []string{"/strata", "version", "--short"}, Network: sandbox.NoNetwork,
		Binds:  []sandbox.Bind{{Source: program, Target: "/strata"}},
		Limits: sandbox.DefaultLimits(), Stdout: &output, Stderr: &output,
	})
	if err != nil {
		return "", err
	}
	return "a program starts in namespaces of its own", nil
}

// enough is how many bytes the store and the caches take for some apps of each language.
const enough = 5 << 30

// examineDisk looks for space where images and caches are.
func examineDisk(context.Context) (string, error) {
	h, err := openHome()
	if err != nil {
		return "", err
	}
	cache, err := cacheDir()
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return "", fault.Fault{
			ID: "doctor-disk", What: cache + " cannot be made", Do: "set STRATA_CACHE to a folder that you may write", Err: err,
		}
	}
	var found []string
	for variable, dir := range map[string]string{"STRATA_HOME": h.Store.Dir(), "STRATA_CACHE": cache} {
		var about unix.Statfs_t
		if err := unix.Statfs(dir, &about); err != nil {
			return "", fmt.Errorf("asking how much space is left: %w", err)
		}
		free := int64(about.Bavail) * about.Bsize
		if free < enough {
			return "", fault.Fault{
				ID: "doctor-disk", What: fmt.Sprintf("%s has %s left, less than %s", dir, megabytes(free), megabytes(enough)),
				Do: "run `strata prune --caches`, or set " + variable + " to a folder on a larger disk",
			}
		}
		found = append(found, fmt.Sprintf("%s left in %s", megabytes(free), dir))
	}
	slices.Sort(found)
	return strings.Join(found, ", "), nil
}

// examineAuthorities looks for the certificates that builds trust.
func examineAuthorities(context.Context) (string, error) {
	path := hostCABundle()
	if path == "" {
		return "", fault.Fault{
			ID: "doctor-authorities", What: "this machine has no certificates of authorities",
			Do: "install the package ca-certificates, or set SSL_CERT_FILE",
		}
	}
	return path, nil
}

// machineAddresses returns where builds take packages from on this machine, by the variable that says so.
func machineAddresses(ctx context.Context) (map[string][]string, error) {
	path, err := findConfig("")
	if err != nil {
		return nil, nil // said already
	}
	config, err := compose.ReadConfig(path)
	if err != nil {
		return nil, err
	}
	builder, err := compose.ReadFor(compose.Options{Root: filepath.Dir(path), Config: config}, architectures[0])
	if err != nil {
		return nil, err
	}
	settings, err := builder.Registries().OfMachine(ctx, os.Getenv)
	if err != nil {
		return nil, err
	}
	mirrors, err := assemble.MirrorVariables(os.Getenv, aptFolder)
	if err != nil {
		return nil, err
	}
	maps.Copy(settings, mirrors)
	all := map[string][]string{}
	for variable, value := range settings {
		for _, word := range strings.FieldsFunc(value, func(r rune) bool { return strings.ContainsRune(",| ", r) }) {
			if address, ok := deb.CleanURL(word); ok && !slices.Contains(all[variable], address) {
				all[variable] = append(all[variable], address)
			}
		}
	}
	return all, nil
}

// patience is how long a registry may take to answer.
const patience = 10 * time.Second

// answers returns a word on who answers at an address.
func answers(ctx context.Context, variable, address string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address+"/", nil)
	if err != nil {
		return "", err
	}
	host := request.URL.Host
	response, err := http.DefaultClient.Do(request)
	if wrapped := new(url.Error); errors.As(err, &wrapped) {
		err = wrapped.Err // without the address, which may have a login
	}
	if err == nil {
		_ = response.Body.Close()
		if response.StatusCode < http.StatusInternalServerError {
			return host + " answers", nil
		}
		err = errors.New(response.Status)
	}
	return "", fault.Fault{
		ID: "doctor-registry", What: host + " does not answer", Err: err,
		Do: "set " + variable + " to a mirror that this machine reaches, or HTTPS_PROXY to its proxy",
	}
}
