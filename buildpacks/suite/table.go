package main

import (
	"github.com/strata-buildpacks/strata/buildpacks/allocator"
	cacerts "github.com/strata-buildpacks/strata/buildpacks/ca-certificates"
	environment "github.com/strata-buildpacks/strata/buildpacks/environment-variables"
	frontend "github.com/strata-buildpacks/strata/buildpacks/front-end"
	"github.com/strata-buildpacks/strata/buildpacks/golang"
	health "github.com/strata-buildpacks/strata/buildpacks/health-checker"
	labels "github.com/strata-buildpacks/strata/buildpacks/image-labels"
	"github.com/strata-buildpacks/strata/buildpacks/java"
	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
	launchhelper "github.com/strata-buildpacks/strata/buildpacks/launch-helper"
	"github.com/strata-buildpacks/strata/buildpacks/linkage"
	"github.com/strata-buildpacks/strata/buildpacks/native"
	"github.com/strata-buildpacks/strata/buildpacks/node"
	"github.com/strata-buildpacks/strata/buildpacks/procfile"
	"github.com/strata-buildpacks/strata/buildpacks/python"
	"github.com/strata-buildpacks/strata/buildpacks/rust"
	"github.com/strata-buildpacks/strata/buildpacks/seccomp"
	"github.com/strata-buildpacks/strata/buildpacks/web"
)

// table returns the buildpacks of the suite in order of id.
func table() []bp.Buildpack {
	return []bp.Buildpack{
		allocator.Buildpack(),
		cacerts.Buildpack(),
		environment.Buildpack(),
		frontend.Buildpack(),
		golang.Buildpack(),
		health.Buildpack(),
		labels.Buildpack(),
		java.Buildpack(),
		launchhelper.Buildpack(),
		linkage.Buildpack(),
		native.Buildpack(),
		node.Buildpack(),
		procfile.Buildpack(),
		python.Buildpack(),
		rust.Buildpack(),
		seccomp.Buildpack(),
		web.Buildpack(),
	}
}
