package main

import (
	"fmt"
	"io"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/strata-buildpacks/strata/builder/platform/imagename"
	"github.com/strata-buildpacks/strata/builder/platform/run"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/seccomp"
)

// Forms of a seccomp profile.
const (
	profileOCI        = "oci"
	profileKubernetes = "kubernetes"
)

// profileResource is a profile for the Security Profiles Operator, which puts it on the nodes of a cluster.
type profileResource struct {
	Version  string `yaml:"apiVersion"`
	Kind     string `yaml:"kind"`
	Metadata struct {
		Name string `yaml:"name"`
	} `yaml:"metadata"`
	Spec seccomp.OCI `yaml:"spec"`
}

// printProfile prints the seccomp profile of an image in a form.
func (l looked) printProfile(w io.Writer, form string) error {
	file, err := l.image.ConfigFile()
	if err != nil {
		return fmt.Errorf("reading %s: %w", l.name, err)
	}
	profile, err := run.Profile(l.name, file.Config.Labels)
	if err != nil {
		return err
	}
	switch form {
	case profileOCI:
		text, err := profile.Text()
		if err == nil {
			_, err = fmt.Fprintln(w, text)
		}
		return err
	case profileKubernetes:
		resource := profileResource{Version: "security-profiles-operator.x-k8s.io/v1", Kind: "SeccompProfile", Spec: profile.OCI()}
		base := imagename.Base(l.ref.Context().RepositoryStr())
		resource.Metadata.Name = strings.ReplaceAll(base, "_", "-") // a name of a DNS subdomain (RFC 1123)
		encoder := yaml.NewEncoder(w)
		encoder.SetIndent(2)
		if err := encoder.Encode(resource); err != nil {
			return err
		}
		return encoder.Close()
	}
	return fault.Fault{
		ID: "seccomp-form", What: fmt.Sprintf("--seccomp %s is no form of a profile", form),
		Do: "write " + profileOCI + " or " + profileKubernetes,
	}
}
