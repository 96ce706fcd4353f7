module github.com/buildpacks/lifecycle

go 1.26.0
