package platform

import (
	"fmt"
	"maps"
	"net"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"sync"

	"github.com/google/go-containerregistry/pkg/name"

	"github.com/strata-buildpacks/strata/builder/platform/internal/sandbox"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

// buildCache is where a build finds the folder that stays between the builds of an app, toolsDir that of all apps' tools.
const (
	buildCache = "/cache/build"
	toolsDir   = "/cache/tools"
)

// prepare lays out the folders that the phases see. The app's source is copied meanwhile: detection waits for it.
func (b *build) prepare() error {
	if err := own(b.path("workspace"), b.path("layers"), b.path("tmp"), b.path("home")); err != nil {
		return err
	}
	if err := os.MkdirAll(b.tools, 0o755); err != nil {
		return fmt.Errorf("making a folder for tools: %w", err)
	}
	if err := b.writePlatform(); err != nil {
		return err
	}
	if err := b.writeOrder(); err != nil {
		return err
	}
	if info, err := os.Stat(b.App); err != nil || !info.IsDir() {
		return fault.Fault{ID: "app-missing", What: b.App + " is not a folder", Do: "name the folder that holds the app's source"}
	}
	copied := make(chan error, 1)
	var leftOut []string
	go func() {
		var err error
		if leftOut, err = copySource(b.App, b.path("workspace"), b.Keep); err == nil {
			b.sourceHash, err = hashSource(b.path("workspace"))
		}
		copied <- err
	}()
	b.source = sync.OnceValue(func() error {
		err := <-copied
		if len(leftOut) > 0 {
			b.Note("left out, because they are sockets, pipes or devices: " + strings.Join(leftOut, ", "))
		}
		return err
	})
	return nil
}

func (b *build) path(elements ...string) string {
	return filepath.Join(append([]string{b.dir}, elements...)...)
}

// writePlatform writes the platform folder (platform.md, "Platform Directory").
func (b *build) writePlatform() error {
	if err := os.MkdirAll(b.path("platform", "env"), 0o755); err != nil {
		return fmt.Errorf("writing the build's variables: %w", err)
	}
	// Buildpacks see the platform's variables only, not the lifecycle's environment.
	variables := map[string]string{"BP_CACHE_DIR": buildCache}
	maps.Copy(variables, b.Env)
	variables["BP_TOOLS_DIR"] = toolsDir // the one folder that no app can write to
	for key, value := range variables {
		if key == "" || strings.ContainsAny(key, "/\x00=") || key == "." || key == ".." {
			return fault.Fault{ID: "variable-name", What: fmt.Sprintf("%q is no name for a variable", key), Do: "write it as --env NAME=value"}
		}
		if err := os.WriteFile(b.path("platform", "env", key), []byte(value), 0o644); err != nil {
			return fmt.Errorf("writing the build's variables: %w", err)
		}
	}
	return copyBindings(b.Bindings, b.path("platform", "bindings"))
}

// copyBindings copies bindings to a folder, each under its own name.
func copyBindings(bindings []string, to string) error {
	named := map[string]string{}
	for _, binding := range bindings {
		name := filepath.Base(binding)
		if other, twice := named[name]; twice {
			return fault.Fault{ID: "binding", What: fmt.Sprintf("the bindings %s and %s have one name", other, binding), Do: "rename the folder of one"}
		}
		named[name] = binding
		if _, err := os.Stat(filepath.Join(binding, "type")); err != nil {
			return fault.Fault{ID: "binding", What: binding + " is no binding", Do: "name a folder with a file `type` in it and a file per key (github.com/buildpacks/spec, extensions/bindings.md)"}
		}
		if err := os.CopyFS(filepath.Join(to, name), os.DirFS(binding)); err != nil {
			return fmt.Errorf("copying binding %s: %w", binding, err)
		}
	}
	return nil
}

// writeHosts writes the name tables: one for the phases that reach the network,
// one for those that find every registry at the loopback address.
func (b *build) writeHosts() error {
	const loopback = "127.0.0.1 localhost strata\n"
	var hosts strings.Builder
	hosts.WriteString(loopback)
	for _, host := range b.registryHosts() {
		if net.ParseIP(host) == nil {
			hosts.WriteString("127.0.0.1 " + host + "\n")
		}
	}
	resolv, err := os.ReadFile("/etc/resolv.conf")
	if err != nil && !os.IsNotExist(err) {
		return fmt.Errorf("reading the machine's name servers: %w", err)
	}
	for file, content := range map[string]string{"hosts": loopback, "hosts.registry": hosts.String(), "resolv.conf": string(resolv)} {
		if err := os.WriteFile(b.path(file), []byte(content), 0o644); err != nil {
			return fmt.Errorf("writing the build's host names: %w", err)
		}
	}
	return nil
}

// registryHosts are the host names of the registries that the build's image names say.
func (b *build) registryHosts() []string {
	hosts := map[string]bool{}
	for _, ref := range []name.Reference{b.image, b.runRef} {
		host, _ := hostPort(ref)
		hosts[host] = true
	}
	sorted := make([]string, 0, len(hosts))
	for host := range hosts {
		sorted = append(sorted, host)
	}
	sort.Strings(sorted)
	return sorted
}

// hostPort is where the lifecycle looks for an image when the registry is insecure: port 80 if none is named.
func hostPort(ref name.Reference) (host string, port int) {
	registry := ref.Context().RegistryStr()
	host, text, err := net.SplitHostPort(registry)
	if err != nil {
		return registry, 80
	}
	if _, err := fmt.Sscanf(text, "%d", &port); err != nil {
		return host, 80
	}
	return host, port
}

// binds is what a phase sees of the host's disk.
func (b *build) binds(network sandbox.Network, registry bool) []sandbox.Bind {
	binds := []sandbox.Bind{
		{Source: b.path("workspace"), Target: "/workspace", Writable: true},
		{Source: b.path("layers"), Target: "/layers", Writable: true},
		{Source: b.path("tmp"), Target: "/tmp", Writable: true},
		{Source: b.path("home"), Target: "/home/cnb", Writable: true},
		{Source: b.path("platform"), Target: "/platform"},
	}
	if registry {
		return append(binds,
			sandbox.Bind{Source: filepath.Join(b.caches, "layers"), Target: "/cache/layers", Writable: true},
			sandbox.Bind{Source: b.path("hosts.registry"), Target: "/etc/hosts"})
	}
	binds = append(binds,
		sandbox.Bind{Source: filepath.Join(b.caches, "build"), Target: buildCache, Writable: true},
		sandbox.Bind{Source: b.tools, Target: toolsDir, Writable: b.installs},
		sandbox.Bind{Source: b.path("hosts"), Target: "/etc/hosts"})
	if network == sandbox.HostNetwork {
		binds = append(binds, sandbox.Bind{Source: b.path("resolv.conf"), Target: "/etc/resolv.conf"})
		if b.CABundle != "" {
			binds = append(binds, sandbox.Bind{Source: b.CABundle, Target: "/" + caBundle})
		}
	}
	return binds
}
