// Package cacerts is the buildpack strata/ca-certificates. It lets builds and apps trust certificates of their owner.
package cacerts

import (
	"context"
	"fmt"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
	"github.com/strata-buildpacks/strata/buildpacks/kit/config"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/launchhelper"
)

// kind is the type of the bindings that hold certificates.
const kind = "ca-certificates"

// Buildpack returns the buildpack strata/ca-certificates.
func Buildpack() bp.Buildpack {
	return bp.Buildpack{ID: "strata/ca-certificates", Detect: detect, Build: build, Cross: true}
}

type settings struct {
	Embed    bool `config:"BP_EMBED_CERTS"`
	Launch   bool `config:"BP_ENABLE_RUNTIME_CERT_BINDING"`
	NoLaunch bool `config:"BP_RUNTIME_CERT_BINDING_DISABLED"`
}

func read(c config.Config) (settings, error) {
	var s settings
	if err := c.Decode(&s); err != nil {
		return s, err
	}
	if s.NoLaunch && (s.Embed || s.Launch) {
		other := "BP_EMBED_CERTS"
		if s.Launch {
			other = "BP_ENABLE_RUNTIME_CERT_BINDING"
		}
		return s, fault.Fault{
			ID:   "certificates-contradiction",
			What: other + " and BP_RUNTIME_CERT_BINDING_DISABLED contradict each other",
			Do:   "set one of them",
		}
	}
	return s, nil
}

// launches reports whether something has to be done when the app starts.
func (s settings) launches(bound bool) bool { return s.Embed || s.Launch || bound && !s.NoLaunch }

func detect(_ context.Context, in bp.DetectContext) (bp.DetectResult, error) {
	s, err := read(in.Config)
	if err != nil {
		// If an optional buildpack fails here, the app is built without it. The build ends with the same error.
		return bp.Pass(err.Error()), nil
	}
	var names []string
	for _, b := range in.Bindings(kind) {
		names = append(names, b.Name)
	}
	reason := "BP_ENABLE_RUNTIME_CERT_BINDING is true"
	switch {
	case len(names) > 0:
		reason = "binding " + strings.Join(names, ", ")
	case s.Embed:
		reason = "BP_EMBED_CERTS is true"
	case !s.Launch:
		return bp.Fail(fmt.Sprintf("no binding of type %s", kind)), nil
	}
	if !s.launches(len(names) > 0) {
		return bp.Pass(reason), nil
	}
	return bp.Pass(reason, bp.Plan{Requires: []bp.Entry{launchhelper.Required()}}), nil
}
