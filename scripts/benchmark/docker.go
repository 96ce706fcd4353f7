package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

const (
	packing tool = "pack build"
	docker  tool = "docker build"
)

// dockerfile is a good one for a Go program: modules apart from the source, both of Go's caches in mounts. The build
// stage is our build image with the Go release of the other tools, the program stands on our run image.
const dockerfile = `FROM strata/build:13 AS build
USER 0
ENV CGO_ENABLED=0 GOTOOLCHAIN=local GOFLAGS=-buildvcs=false GOPROXY=%[2]s GOSUMDB=%[3]s \
    GOCACHE=/cache/build GOMODCACHE=/cache/mod SSL_CERT_FILE=/certificates/ca-certificates.crt
WORKDIR /src
COPY go.mod go.su[m] ./
RUN --mount=type=cache,id=%[1]s-mod,target=/cache/mod --mount=from=go,target=/usr/local/go \
    --mount=from=certificates,target=/certificates /usr/local/go/bin/go mod download
COPY . .
RUN --mount=type=cache,id=%[1]s-mod,target=/cache/mod --mount=type=cache,id=%[1]s-build,target=/cache/build \
    --mount=from=go,target=/usr/local/go --mount=from=certificates,target=/certificates \
    /usr/local/go/bin/go build -trimpath -ldflags='-s -w' -o /app .
FROM ` + runImage + `
COPY --from=build /app /app
ENTRYPOINT ["/app"]
`

// engine is what the tools that need a Docker engine share.
type engine struct {
	run          string // names caches that no earlier run has filled
	certificates string // folder with the machine's ca-certificates.crt
	proxy, sums  string // GOPROXY and GOSUMDB of the machine
	registry     string // of npm
}

// newEngine puts the images into the engine.
func (b *bench) newEngine(ctx context.Context, root string) (e *engine, err error) {
	strata := filepath.Join(b.bin, "strata")
	for _, args := range [][]string{
		{"stack", "build", "static", "glibc", "build", "--output", "docker"}, {"builder", "create", "--output", "docker"},
	} {
		if _, _, err := b.time(ctx, root, nil, append([]string{strata}, args...)...); err != nil {
			return nil, err
		}
	}
	e = &engine{run: "strata-bench-" + strconv.FormatInt(time.Now().Unix(), 10), certificates: "/etc/ssl/certs"}
	for variable, value := range map[string]*string{"GOPROXY": &e.proxy, "GOSUMDB": &e.sums} {
		text, err := output(ctx, "go", "env", variable)
		if err != nil {
			return nil, err
		}
		*value = text
	}
	e.registry, err = output(ctx, "npm", "config", "get", "registry")
	return e, err
}

// withEngine runs a tool that needs the engine.
func (b *bench) withEngine(ctx context.Context, t tool, a *app) (sample, error) {
	cache := b.engine.run + "-" + a.name
	if t == packing {
		env := []string{"PACK_HOME=" + filepath.Join(b.dir, "pack")}
		took, _, err := b.time(ctx, a.dir, env, filepath.Join(b.bin, "pack"), "build", a.engineImage(t), "--path", ".",
			"--builder", "strata/builder", "--run-image", a.runImage(), "--trust-builder", "--pull-policy", "never", "--network", "host",
			"--env", "BP_CACHE_DIR=/var/cache/strata", "--volume", cache+"-folder:/var/cache/strata:rw",
			"--volume", filepath.Join(b.engine.certificates, "ca-certificates.crt")+":/etc/ssl/certs/ca-certificates.crt:ro",
			"--cache", "type=build;format=volume;name="+cache+"-build", "--cache", "type=launch;format=volume;name="+cache+"-launch")
		return took, err
	}
	file := filepath.Join(b.dir, a.name+".Dockerfile")
	text, tools := fmt.Appendf(nil, nodeDockerfile, cache, b.engine.registry), "tools="+b.nodeTools()
	switch a.tools[1] {
	case uv:
		index, err := pythonIndex(ctx)
		if err != nil {
			return sample{}, err
		}
		about := pythonApps[a.name]
		text, tools = fmt.Appendf(nil, pythonDockerfile, cache, index, about.collect, about.served), "tools="+b.pythonTools()
	case golang:
		goroot, err := output(ctx, "env", "GOTOOLCHAIN="+b.release, "go", "env", "GOROOT")
		if err != nil {
			return sample{}, err
		}
		text, tools = fmt.Appendf(nil, dockerfile, cache, b.engine.proxy, b.engine.sums), "go="+goroot
	}
	if err := os.WriteFile(file, text, 0o644); err != nil {
		return sample{}, err
	}
	took, _, err := b.time(ctx, a.dir, []string{"DOCKER_BUILDKIT=1"}, "docker", "build", "--quiet", "--network", "host",
		"--tag", a.engineImage(t), "--file", file, "--build-context", tools, "--build-context", "certificates="+b.engine.certificates, ".")
	return took, err
}

// engineImage is the name of the image that a tool makes in the engine.
func (a *app) engineImage(t tool) string {
	return a.image() + "-" + strings.Fields(string(t))[0]
}

// clean removes from the engine what the run put there, except BuildKit's caches.
func (b *bench) clean(ctx context.Context, apps []*app) error {
	for _, a := range apps {
		cache := b.engine.run + "-" + a.name
		for _, args := range [][]string{
			{"image", "rm", a.engineImage(packing), a.engineImage(docker)},
			{"volume", "rm", cache + "-folder", cache + "-build", cache + "-launch"},
		} {
			if _, err := output(ctx, append([]string{"docker"}, args...)...); err != nil {
				return err
			}
		}
	}
	return nil
}
