package bp

import (
	"cmp"
	"fmt"
	"runtime"

	"github.com/strata-buildpacks/strata/buildpacks/kit/config"
)

// Libc is the C library of a run image.
type Libc string

// The kinds of run image.
const (
	Static Libc = "static" // none: only statically linked programs run
	Glibc  Libc = "glibc"
	Musl   Libc = "musl"
)

// Target is the run image that the app will run on (Buildpack API, "Targets").
type Target struct {
	OS            string
	Arch          string // as GOARCH
	Variant       string // of the architecture, such as "v8"
	Distro        string // empty when the platform does not tell
	DistroVersion string
	StackID       string // of the build image; empty on new platforms
}

func targetFrom(env config.Environment) Target {
	return Target{
		OS: cmp.Or(env["CNB_TARGET_OS"], "linux"),
		// A platform older than API 0.12 names no target; the app then runs on what it is built on.
		Arch:          cmp.Or(env["CNB_TARGET_ARCH"], runtime.GOARCH),
		Variant:       env["CNB_TARGET_ARCH_VARIANT"],
		Distro:        env["CNB_TARGET_DISTRO_NAME"],
		DistroVersion: env["CNB_TARGET_DISTRO_VERSION"],
		StackID:       env["CNB_STACK_ID"],
	}
}

// Foreign reports whether the app will run on another architecture than it is built on: nothing that is built for it can be started.
func (t Target) Foreign() bool { return t.Arch != runtime.GOARCH }

// Libc returns the C library of the run image, and what told so: the distribution's name if it is one of our run images',
// else the stack's id if it is one of ours. Before Platform API 0.12 the distribution is that of the build image. A run
// image that is not one of ours counts as glibc, as almost every distribution is.
func (t Target) Libc() (libc Libc, because string) {
	if libc, ok := variant(t.Distro, "strata-"); ok {
		return libc, "target distribution " + t.Distro
	}
	if libc, ok := variant(t.StackID, "io.strata.stacks."); ok {
		return libc, "stack " + t.StackID
	}
	switch {
	case t.Distro == "alpine":
		return Musl, "target distribution alpine"
	case t.Distro != "":
		return Glibc, fmt.Sprintf("target distribution %s, taken for glibc", t.Distro)
	case t.StackID != "":
		return Glibc, fmt.Sprintf("stack %s, taken for glibc", t.StackID)
	}
	return Glibc, "the platform names neither distribution nor stack"
}

// Ours reports whether the run image is one of ours, of which it is known what they have.
func (t Target) Ours() bool {
	_, distro := variant(t.Distro, "strata-")
	_, stack := variant(t.StackID, "io.strata.stacks.")
	return distro || stack
}

func variant(name, prefix string) (Libc, bool) {
	for _, libc := range []Libc{Static, Glibc, Musl} {
		if name == prefix+string(libc) {
			return libc, true
		}
	}
	return "", false
}
