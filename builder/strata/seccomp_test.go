package main

import (
	"bytes"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"

	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
	"github.com/strata-buildpacks/strata/buildpacks/kit/seccomp"
)

// TestPrintProfile prints a profile in each form.
func TestPrintProfile(t *testing.T) {
	t.Parallel()
	text, err := seccomp.Profile{Arch: "amd64", Calls: seccomp.Engine("amd64")}.Text()
	if err != nil {
		t.Fatal(err)
	}
	image, err := mutate.Config(empty.Image, v1.Config{Labels: map[string]string{seccomp.Label: text}})
	if err != nil {
		t.Fatal(err)
	}
	ref, err := name.ParseReference("registry.example.com/shop/my__cart_app:1")
	if err != nil {
		t.Fatal(err)
	}
	found := looked{name: "cart", ref: ref, image: image}
	for _, form := range []string{"oci", "kubernetes", "docker"} {
		var printed bytes.Buffer
		if err := found.printProfile(&printed, form); err != nil {
			printed.WriteString(err.Error() + "\n")
		}
		kittest.Golden(t, "seccomp-"+form+".txt", printed.String())
	}
}
