// Package kpack describes the suite to a cluster: as resources of kpack.io/v1alpha2
// (https://github.com/buildpacks-community/kpack/tree/main/docs).
package kpack

import (
	"bytes"
	"fmt"

	"go.yaml.in/yaml/v3"

	"github.com/strata-buildpacks/strata/builder/compose"
)

// Name is that of the resources; those of a stack have its name after a hyphen.
const Name = "strata"

// Suite is what a cluster gets. Images are named by digest: kpack looks at a tag once in hours, and a digest that moves is what
// makes it build or rebase.
type Suite struct {
	Account   Account
	Lifecycle string // image of the lifecycle
	Store     string // image of all buildpacks
	Stacks    []Stack
	Builders  string          // what begins the tags of builders, which kpack makes: REGISTRY/REPOSITORY
	Order     []compose.Group // of builders; versions do not count, since kpack takes the newest in the store
}

// Stack is a C library's pair of images.
type Stack struct {
	Name       string // "static"
	ID         string // as both images have it (Platform API 0.9, "Stacks")
	Build, Run string
}

// Account is the service account whose secrets kpack pulls and pushes with. Resources of the cluster need its namespace.
type Account struct {
	Namespace string `yaml:"namespace"`
	Name      string `yaml:"name"`
}

type resource struct {
	Version  string   `yaml:"apiVersion"`
	Kind     string   `yaml:"kind"`
	Metadata metadata `yaml:"metadata"`
	Spec     any      `yaml:"spec,omitempty"`
}

type metadata struct {
	Name      string `yaml:"name"`
	Namespace string `yaml:"namespace,omitempty"`
}

type image struct {
	Image string `yaml:"image"`
}

type reference struct {
	Kind string `yaml:"kind"`
	Name string `yaml:"name"`
}

type lifecycleSpec struct {
	Image   string  `yaml:"image"`
	Account Account `yaml:"serviceAccountRef"`
}

type storeSpec struct {
	Sources []image `yaml:"sources"`
	Account Account `yaml:"serviceAccountRef"`
}

type stackSpec struct {
	ID      string  `yaml:"id"`
	Build   image   `yaml:"buildImage"`
	Run     image   `yaml:"runImage"`
	Account Account `yaml:"serviceAccountRef"`
}

type builderSpec struct {
	Tag       string    `yaml:"tag"`
	Lifecycle reference `yaml:"lifecycle"`
	Stack     reference `yaml:"stack"`
	Store     reference `yaml:"store"`
	Order     []group   `yaml:"order"`
	Account   Account   `yaml:"serviceAccountRef"`
}

type group struct {
	Group []member `yaml:"group"`
}

type member struct {
	ID       string `yaml:"id"`
	Optional bool   `yaml:"optional,omitempty"`
}

// YAML returns the resources: a service account, a lifecycle, a store, and a stack with a builder for each C library. Applied again,
// they change only what has another digest. The account has no secrets in it, and keeps those that somebody gives it.
func (s Suite) YAML() ([]byte, error) {
	const version = "kpack.io/v1alpha2"
	all := []resource{
		{Version: "v1", Kind: "ServiceAccount", Metadata: metadata{s.Account.Name, s.Account.Namespace}},
		{Version: version, Kind: "ClusterLifecycle", Metadata: metadata{Name: Name}, Spec: lifecycleSpec{s.Lifecycle, s.Account}},
		{Version: version, Kind: "ClusterStore", Metadata: metadata{Name: Name}, Spec: storeSpec{[]image{{s.Store}}, s.Account}},
	}
	for _, stack := range s.Stacks {
		name := Name + "-" + stack.Name
		all = append(all,
			resource{version, "ClusterStack", metadata{Name: name}, stackSpec{stack.ID, image{stack.Build}, image{stack.Run}, s.Account}},
			resource{version, "ClusterBuilder", metadata{Name: name}, builderSpec{
				Tag: s.Builders + "-" + stack.Name, Account: s.Account, Order: s.order(),
				Lifecycle: reference{"ClusterLifecycle", Name}, Stack: reference{"ClusterStack", name}, Store: reference{"ClusterStore", Name},
			}})
	}
	var out bytes.Buffer
	encoder := yaml.NewEncoder(&out)
	encoder.SetIndent(2)
	for _, one := range all {
		if err := encoder.Encode(one); err != nil {
			return nil, fmt.Errorf("internal error: writing %s %s: %w", one.Kind, one.Metadata.Name, err)
		}
	}
	return out.Bytes(), encoder.Close()
}

func (s Suite) order() []group {
	var order []group
	for _, alternative := range s.Order {
		var members []member
		for _, ref := range alternative.Group {
			members = append(members, member{ref.ID, ref.Optional})
		}
		order = append(order, group{members})
	}
	return order
}
