// Package labels is the buildpack strata/image-labels. It puts labels on the app image.
package labels

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
	"github.com/strata-buildpacks/strata/buildpacks/kit/config"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

// Buildpack returns the buildpack strata/image-labels.
func Buildpack() bp.Buildpack {
	return bp.Buildpack{ID: "strata/image-labels", Detect: detect, Build: build, Cross: true}
}

// free is the variable with labels of any name.
const free = "BP_IMAGE_LABELS"

// annotations has the label of each variable that stands for one of the OCI image specification (annotations.md).
var annotations = map[string]string{
	"BP_OCI_AUTHORS":       "org.opencontainers.image.authors",
	"BP_OCI_CREATED":       "org.opencontainers.image.created",
	"BP_OCI_DESCRIPTION":   "org.opencontainers.image.description",
	"BP_OCI_DOCUMENTATION": "org.opencontainers.image.documentation",
	"BP_OCI_LICENSES":      "org.opencontainers.image.licenses",
	"BP_OCI_REF_NAME":      "org.opencontainers.image.ref.name",
	"BP_OCI_REVISION":      "org.opencontainers.image.revision",
	"BP_OCI_SOURCE":        "org.opencontainers.image.source",
	"BP_OCI_TITLE":         "org.opencontainers.image.title",
	"BP_OCI_URL":           "org.opencontainers.image.url",
	"BP_OCI_VENDOR":        "org.opencontainers.image.vendor",
	"BP_OCI_VERSION":       "org.opencontainers.image.version",
}

type settings struct {
	Labels []string `config:"BP_IMAGE_LABELS,argv"`
}

// named returns the variables that are set.
func named(c config.Config) ([]string, error) {
	var set []string
	for _, name := range append(slices.Sorted(maps.Keys(annotations)), free) {
		_, found, err := c.Lookup(name)
		if err != nil {
			return nil, err
		}
		if found {
			set = append(set, name)
		}
	}
	return set, nil
}

func detect(_ context.Context, in bp.DetectContext) (bp.DetectResult, error) {
	set, err := named(in.Config)
	if err != nil {
		return bp.DetectResult{}, err
	}
	if len(set) == 0 {
		return bp.Fail("neither " + free + " nor a BP_OCI variable is set"), nil
	}
	return bp.Pass(strings.Join(set, ", ") + " set"), nil
}

func build(_ context.Context, in bp.BuildContext) (bp.BuildResult, error) {
	var s settings
	if err := in.Config.Decode(&s); err != nil {
		return bp.BuildResult{}, err
	}
	labels, err := parse(s.Labels)
	if err != nil {
		return bp.BuildResult{}, err
	}
	for _, name := range slices.Sorted(maps.Keys(annotations)) {
		value, set, err := in.Config.Lookup(name)
		if err != nil {
			return bp.BuildResult{}, err
		}
		if !set {
			continue
		}
		label := annotations[name]
		if _, twice := labels[label]; twice {
			return bp.BuildResult{}, fault.Fault{
				ID:   "label-twice",
				What: fmt.Sprintf("%s and %s both give the label %s", free, name, label),
				Do:   "set one of them",
			}
		}
		labels[label] = value
	}
	in.Log.Heading("Labels")
	for _, label := range slices.Sorted(maps.Keys(labels)) {
		in.Log.Decision(label, labels[label], "")
	}
	return bp.BuildResult{Labels: labels}, nil
}

// parse reads words of the form label=value.
func parse(words []string) (map[string]string, error) {
	labels := map[string]string{}
	for _, word := range words {
		label, value, found := strings.Cut(word, "=")
		if !found || label == "" {
			return nil, fault.Fault{
				ID:   "label-syntax",
				What: fmt.Sprintf("%s has %q, which is not label=value", free, word),
				Do:   `write it like team=web 'motto=small images', quoted as in a shell`,
			}
		}
		if strings.HasPrefix(label, "io.buildpacks.") {
			return nil, fault.Fault{
				ID:   "label-reserved",
				What: fmt.Sprintf("%s has the label %s, which belongs to the platform", free, label),
				Do:   "choose a name that does not begin with io.buildpacks.",
			}
		}
		if _, twice := labels[label]; twice {
			return nil, fault.Fault{ID: "label-twice", What: fmt.Sprintf("%s has the label %s twice", free, label), Do: "give it once"}
		}
		labels[label] = value
	}
	return labels, nil
}
