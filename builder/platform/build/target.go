package build

import (
	"net"
	"net/netip"
	"slices"
	"strconv"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/strata-buildpacks/strata/builder/platform/build/internal/loopback"
	"github.com/strata-buildpacks/strata/builder/platform/imagename"
	"github.com/strata-buildpacks/strata/builder/platform/store"
)

// target is the app's image on one run image, and the registry in which the lifecycle finds both under their own names.
type target struct {
	app, run name.Reference
	runImage v1.Image
	registry *loopback.Registry
}

// newTarget shows the run image, which has to be whole, and the app's previous image unless that is nil.
func newTarget(s *store.Store, app name.Reference, previous v1.Image, runImage string) (target, error) {
	t := target{app: app}
	var err error
	if t.runImage, err = s.Find(runImage, store.BuildStack(runImage)); err != nil {
		return t, err
	}
	if err := s.Blobs().CheckAll(t.runImage); err != nil {
		return t, s.Explain(runImage, store.BuildStack(runImage), err)
	}
	if t.run, err = imagename.Parse(runImage); err != nil {
		return t, err
	}
	shown := map[name.Reference]v1.Image{t.run: t.runImage}
	if previous != nil {
		shown[app] = previous
	}
	t.registry, err = loopback.New(s, app, shown)
	return t, err
}

// insecure returns flags by which the lifecycle reaches the registries over plain HTTP: they are at the loopback address.
func (t target) insecure() []string {
	var flags []string
	for _, registry := range ofBoth(t, func(ref name.Reference) string { return ref.Context().RegistryStr() }) {
		flags = append(flags, "-insecure-registry", registry)
	}
	return flags
}

// hosts returns the host names of the registries, except those that are addresses.
func (t target) hosts() []string {
	hosts := ofBoth(t, func(ref name.Reference) string { host, _ := hostPort(ref); return host })
	return slices.DeleteFunc(hosts, func(host string) bool { return net.ParseIP(host) != nil })
}

// addresses returns where the lifecycle looks for the registries.
func (t target) addresses() []netip.AddrPort {
	return ofBoth(t, func(ref name.Reference) netip.AddrPort {
		_, port := hostPort(ref)
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), port)
	})
}

// ofBoth returns what is asked of the app's name and of the run image's, without repetition.
func ofBoth[T comparable](t target, ask func(name.Reference) T) []T {
	return slices.Compact([]T{ask(t.app), ask(t.run)})
}

// plainHTTP is the port of a registry without one, which the lifecycle reaches over plain HTTP.
const plainHTTP = 80

// hostPort splits the address of an image's registry.
func hostPort(ref name.Reference) (host string, port uint16) {
	registry := ref.Context().RegistryStr()
	host, text, err := net.SplitHostPort(registry)
	if err != nil { // it names no port
		return registry, plainHTTP
	}
	number, err := strconv.ParseUint(text, 10, 16)
	if err != nil { // package imagename lets no such name in
		return host, plainHTTP
	}
	return host, uint16(number)
}
