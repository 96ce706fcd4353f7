package seccomp

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/layer"
	"github.com/strata-buildpacks/strata/buildpacks/kit/seccomp"
)

// launcher is the program that starts the processes of an image (Platform API, "Launcher"). A platform puts that of the builder into it.
const launcher = "/cnb/lifecycle/launcher"

// profileLayer is the layer with the profile, and profileFile the file in it.
const (
	profileLayer = "profile"
	profileFile  = "seccomp.json"
)

// key is what a profile is made of.
type key struct {
	Recipe int             `json:"recipe"`
	Parts  map[string]part `json:"parts"` // by the path in the image
}

func build(ctx context.Context, in bp.BuildContext) (bp.BuildResult, error) {
	var s settings
	if err := in.Config.Decode(&s); err != nil {
		return bp.BuildResult{}, err
	}
	var before key
	if found, err := in.Layers.KeyBefore(profileLayer, &before); err != nil || !found || before.Recipe != seccomp.Recipe {
		before = key{}
	}
	in.Log.Heading("Looking for system calls")
	k := key{seccomp.Recipe, map[string]part{}}
	parts, err := partsOf(in)
	if err != nil {
		return bp.BuildResult{}, err
	}
	for _, one := range parts {
		if k.Parts[one.path], err = one.look(ctx, in, before.Parts[one.path]); err != nil {
			return bp.BuildResult{}, err
		}
	}
	profile, kept := profileOf(in.Target.Arch, k.Parts)
	if len(kept) > 0 {
		in.Log.Bullet("not in the profile, as container engines keep it for capabilities: %s", strings.Join(kept, ", "))
	}
	in.Log.Bullet("%d system calls are in the profile", len(profile.Calls))
	text, err := profile.Text()
	if err != nil {
		return bp.BuildResult{}, fmt.Errorf("writing the profile: %w", err)
	}
	_, err = in.Layers.Contribute(ctx, layer.Request{
		Name: profileLayer, Flags: layer.Flags{Launch: true}, Key: k,
		Fill: func(_ context.Context, l *layer.Layer) error {
			return os.WriteFile(filepath.Join(l.Path, profileFile), []byte(text+"\n"), 0o644)
		},
	})
	return bp.BuildResult{Labels: map[string]string{seccomp.Label: text}}, err
}

// profileOf returns the profile of all parts of an image, with what an engine calls before it starts one, and the calls that are left out.
func profileOf(arch string, parts map[string]part) (profile seccomp.Profile, kept []string) {
	calls := map[string]bool{}
	for _, one := range parts {
		for _, call := range one.Calls {
			calls[call] = true
		}
	}
	for _, call := range seccomp.Reserved {
		if calls[call] {
			kept = append(kept, call)
			delete(calls, call)
		}
	}
	for _, call := range seccomp.Engine(arch) {
		calls[call] = true
	}
	slices.Sort(kept)
	return seccomp.Profile{Arch: arch, Calls: slices.Sorted(maps.Keys(calls))}, kept
}

// refuse says why there is no profile.
func refuse(what string) error {
	return fault.Fault{
		ID: "seccomp-profile", What: what,
		Do: "leave " + seccomp.Variable + " out, and use the profile RuntimeDefault of your engine",
	}
}
