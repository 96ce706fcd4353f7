package node

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/command"
	"github.com/strata-buildpacks/strata/buildpacks/kit/config"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/layer"
	"github.com/strata-buildpacks/strata/buildpacks/kit/sbom"
)

// modulesKey is everything that the layer of packages depends on.
type modulesKey struct {
	Recipe   int       `json:"recipe"`
	Node     string    `json:"node"`
	NPM      string    `json:"npm"`
	Packages string    `json:"packages"` // hash of what npm reads
	Target   [4]string `json:"target"`   // os, arch, variant, distro
}

func (b *builder) modulesKey() (modulesKey, error) {
	manifest, err := b.manifest.installed()
	if err != nil {
		return modulesKey{}, fmt.Errorf("reading package.json: %w", err)
	}
	read := sha256.New()
	read.Write(manifest)
	for _, name := range []string{b.lockfile, ".npmrc"} {
		data, err := os.ReadFile(filepath.Join(b.AppDir, name))
		if name == "" || errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return modulesKey{}, fmt.Errorf("reading %s: %w", name, err)
		}
		fmt.Fprintf(read, "\x00%s\x00%d\x00", name, len(data))
		read.Write(data)
	}
	return modulesKey{
		Recipe: recipe, Node: b.node.Version, NPM: b.npm.Version, Packages: hex.EncodeToString(read.Sum(nil)),
		Target: [4]string{b.Target.OS, b.Target.Arch, b.Target.Variant, b.Target.Distro},
	}, nil
}

// digest names what is kept of a key.
func digest(key any) (string, error) {
	text, err := json.Marshal(key)
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:16]), err
}

// fillModules makes the layer of packages: what is installed, without what is only for development.
func (b *builder) fillModules(ctx context.Context, l *layer.Layer) error {
	dir, err := b.installed(ctx)
	if err != nil {
		return err
	}
	got, err := readLockfile(filepath.Join(dir, modulesDir, ".package-lock.json"))
	if errors.Is(err, fs.ErrNotExist) { // nothing was installed
		got, err = lockfile{}, nil
	}
	if err != nil {
		return err
	}
	if err := copyModules(filepath.Join(l.Path, modulesDir), filepath.Join(dir, modulesDir), got); err != nil {
		return fmt.Errorf("making the layer of packages: %w", err)
	}
	l.SBOM, err = b.bill(dir, got)
	return err
}

// bill lists the packages of the layer, from npm's own list of what it installed.
func (b *builder) bill(dir string, got lockfile) (*sbom.Document, error) {
	subject := sbom.Component{Type: "application", Name: b.manifest.Name, Version: b.manifest.Version}
	if subject.Name == "" {
		subject.Name = "app"
	}
	document := sbom.Document{Subject: subject}
	for _, at := range slices.Sorted(maps.Keys(got.Packages)) {
		if got.Packages[at].Dev {
			continue
		}
		component, err := got.component(dir, at)
		if err != nil {
			return nil, err
		}
		document.Components = append(document.Components, component)
	}
	for _, names := range []map[string]string{b.manifest.Dependencies, b.manifest.Optional} {
		for name := range names {
			if at := got.lookUp("", name); at != "" {
				document.Subject.Dependencies = append(document.Subject.Dependencies, got.purl(at))
			}
		}
	}
	return &document, nil
}

// installed returns a folder with all of the app's packages in node_modules, installing them if they are not there. A
// folder with its final name is complete: it gets that name last. Only the newest is kept.
func (b *builder) installed(ctx context.Context) (string, error) {
	name, err := digest(b.key)
	if err != nil {
		return "", err
	}
	dir := filepath.Join(b.full, name)
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	env, err := b.environment(ctx)
	if err != nil {
		return "", err
	}
	if err := removeContent(b.full); err != nil {
		return "", err
	}
	partial := dir + ".partial"
	if err := b.seed(partial); err != nil {
		return "", err
	}
	arguments := []string{"ci"}
	if b.lockfile == "" {
		arguments = []string{"install"}
	}
	done := b.Log.Phase("Running npm %s", arguments[0])
	if err := command.Run(ctx, command.Command{Path: "npm", Args: arguments, Dir: partial, Env: b.npmOnly(env).List(), Log: b.Log}); err != nil {
		return "", explainNPM(err, "npm "+arguments[0])
	}
	done()
	// npm makes no folder when nothing is for this machine.
	if err := os.MkdirAll(filepath.Join(partial, modulesDir), 0o755); err != nil {
		return "", fmt.Errorf("installing packages: %w", err)
	}
	return dir, os.Rename(partial, dir)
}

// seed makes a folder with what npm reads.
func (b *builder) seed(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("preparing the install: %w", err)
	}
	manifest, err := b.manifest.installed()
	if err != nil {
		return fmt.Errorf("preparing the install: %w", err)
	}
	if err := os.WriteFile(filepath.Join(dir, manifestFile), manifest, 0o644); err != nil {
		return fmt.Errorf("preparing the install: %w", err)
	}
	for _, name := range []string{b.lockfile, ".npmrc"} {
		data, err := os.ReadFile(filepath.Join(b.AppDir, name))
		if name == "" || errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), data, 0o600)
		}
		if err != nil {
			return fmt.Errorf("preparing the install: %w", err)
		}
	}
	return nil
}

// passed are the variables that npm gets as the platform set them, beside those that begin with NPM_ or npm_config_.
var passed = []string{
	"TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy",
	"NODE_AUTH_TOKEN",
}

// caBundle is where Debian, and so the build image, keeps the certificates of the authorities it trusts.
const caBundle = "/etc/ssl/certs/ca-certificates.crt"

// environment makes what npm and build scripts see, with Node.js and npm first in PATH.
func (b *builder) environment(ctx context.Context) (config.Environment, error) {
	node, err := b.tools.node(ctx, b.node)
	if err != nil {
		return nil, err
	}
	npm, err := b.tools.npm(ctx, b.npm)
	if err != nil {
		return nil, err
	}
	if b.scratch == "" {
		if b.scratch, err = os.MkdirTemp("", "strata-node-"); err != nil {
			return nil, fmt.Errorf("making a home for npm: %w", err)
		}
	}
	env := config.Environment{}
	for name, value := range b.Env {
		if !strings.HasPrefix(name, "CNB_") && !strings.HasPrefix(name, "BP_") {
			env[name] = value
		}
	}
	env = env.With(config.Environment{
		"PATH": filepath.Join(node, "bin") + ":" + npm + ":" + b.Env["PATH"], "HOME": b.scratch,
		"npm_config_cache": b.cache, "npm_config_include": "dev", "npm_config_audit": "false", "npm_config_fund": "false",
		"npm_config_update_notifier": "false", "npm_config_progress": "false", "npm_config_logs_max": "0",
	})
	if env["NODE_EXTRA_CA_CERTS"] == "" { // Node.js has a list of authorities of its own
		bundle := caBundle
		if b.Env["SSL_CERT_FILE"] != "" {
			bundle = b.Env["SSL_CERT_FILE"]
		}
		if _, err := os.Stat(bundle); err == nil {
			env["NODE_EXTRA_CA_CERTS"] = bundle
		}
	}
	return env, nil
}

// npmOnly leaves out what could change an install.
func (b *builder) npmOnly(env config.Environment) config.Environment {
	kept := env.Only(append(passed, "PATH", "HOME", "NODE_EXTRA_CA_CERTS")...)
	for name, value := range env {
		if strings.HasPrefix(name, "NPM_") || strings.HasPrefix(name, "npm_config_") {
			kept[name] = value
		}
	}
	return kept
}

// offline are the words of npm when it does not reach a registry.
var offline = []string{"ENOTFOUND", "ECONNREFUSED", "ECONNRESET", "ETIMEDOUT", "EAI_AGAIN", "ENETUNREACH"}

// explainNPM turns a failure of npm, whose words are in the log already, into the line that ends the build.
func explainNPM(err error, what string) error {
	var failed *command.Error
	if !errors.As(err, &failed) || errors.Is(err, context.Canceled) {
		return err
	}
	for _, line := range failed.Tail {
		for _, code := range offline {
			if strings.Contains(line, code) {
				return fault.Fault{ID: "node-offline", What: what + " did not reach the registry (" + code + ")", Do: "check the network and NPM_CONFIG_REGISTRY"}
			}
		}
	}
	return fault.Fault{ID: "node-npm", What: what + " failed", Do: "see npm's words above"}
}
