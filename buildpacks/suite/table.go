package main

import (
	"github.com/strata-buildpacks/strata/buildpacks/cacerts"
	"github.com/strata-buildpacks/strata/buildpacks/environment"
	"github.com/strata-buildpacks/strata/buildpacks/golang"
	"github.com/strata-buildpacks/strata/buildpacks/health"
	"github.com/strata-buildpacks/strata/buildpacks/helper"
	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
	"github.com/strata-buildpacks/strata/buildpacks/labels"
	"github.com/strata-buildpacks/strata/buildpacks/linkage"
	"github.com/strata-buildpacks/strata/buildpacks/node"
	"github.com/strata-buildpacks/strata/buildpacks/procfile"
	"github.com/strata-buildpacks/strata/buildpacks/web"
)

// table returns the buildpacks of the suite in order of id.
func table() []bp.Buildpack {
	return []bp.Buildpack{
		cacerts.Buildpack(),
		environment.Buildpack(),
		node.FrontEnd(),
		golang.Buildpack(),
		health.Buildpack(),
		labels.Buildpack(),
		helper.Buildpack(),
		linkage.Buildpack(),
		node.Buildpack(),
		procfile.Buildpack(),
		web.Buildpack(),
	}
}
