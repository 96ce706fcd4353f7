package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
)

// uv is uv sync, which compiles modules as strata build does.
const uv tool = "uv sync"

// pythonProject is the pyproject.toml of an app with some packages.
const pythonProject = "[project]\nname = \"bench\"\nversion = \"1\"\nrequires-python = \">=3.11\"\ndependencies = [%s]\n"

// pythonApps are the apps in Python: the sample of the integration tests whose source they have, the file that is edited, their packages
// and, as a Dockerfile has it, what gunicorn serves and a command that is run at build.
var pythonApps = map[string]struct{ sample, file, packages, served, collect string }{
	"flask": {sample: "flask", file: "app.py", packages: `"flask==3.1.2", "gunicorn==23.0.0"`, served: "app:app", collect: "true"},
	"science": {
		sample: "django", file: "site_of_test/urls.py", packages: `"django==5.2.8", "gunicorn==23.0.0", "numpy==2.3.5", "pandas==2.3.3"`,
		served: "site_of_test.wsgi", collect: ".venv/bin/python manage.py collectstatic --noinput",
	},
}

// newPythonApp makes an app in Python, and has strata build install the Python and the uv that others use. They are taken away from it,
// so that the first build that is measured installs its own. Of a second app the first build has them.
func (b *bench) newPythonApp(ctx context.Context, name string) (*app, error) {
	about := pythonApps[name]
	a, err := newApp(name, filepath.Join("integration/testdata/python", about.sample), about.file)
	if err != nil {
		return nil, err
	}
	a.tools, a.steps, a.limits = []tool{strata, uv}, []step{edited, same, depended}, pythonLimits
	a.edit = func(text string, round int) (string, error) { return fmt.Sprintf("%s# round %d\n", text, round), nil }
	a.depend = func(ctx context.Context, round int) error {
		return b.lockPython(ctx, a, fmt.Sprintf(`, "idna==3.%d"`, 8+round%3))
	}
	if _, err := os.Stat(b.pythonTools()); err != nil {
		image := "strata-bench/without-lockfile"
		if _, _, err := b.time(ctx, a.dir, nil, filepath.Join(b.bin, "strata"), "build", ".", "-t", image); err != nil {
			return nil, err
		}
		if err := b.takeTools(b.pythonTools(), map[string]string{"cpython-*": "python", "uv-*": "uv"}); err != nil {
			return nil, err
		}
	}
	if err := os.Remove(filepath.Join(a.dir, "requirements.txt")); err != nil { // the lockfile takes its place
		return nil, err
	}
	return a, b.lockPython(ctx, a, "")
}

func (b *bench) uvDir() string { return filepath.Join(b.dir, "uv") }

// pythonTools is the folder with the folders python and uv.
func (b *bench) pythonTools() string { return filepath.Join(b.uvDir(), "tools") }

// lockPython writes pyproject.toml and a lockfile that fits it.
func (b *bench) lockPython(ctx context.Context, a *app, more string) error {
	text := fmt.Appendf(nil, pythonProject, pythonApps[a.name].packages+more)
	if err := os.WriteFile(filepath.Join(a.dir, "pyproject.toml"), text, 0o644); err != nil {
		return err
	}
	_, err := b.uv(ctx, a, "lock")
	return err
}

// bareUV installs the app's packages beside the source, where they stay from build to build.
func (b *bench) bareUV(ctx context.Context, a *app) (sample, error) {
	return b.uv(ctx, a, "sync", "--frozen", "--no-dev", "--compile-bytecode")
}

// uv runs uv for an app, with a cache of its own and the machine's Python: that of images is for their libc, which the machine may lack.
func (b *bench) uv(ctx context.Context, a *app, args ...string) (sample, error) {
	index, err := pythonIndex(ctx)
	if err != nil {
		return sample{}, err
	}
	env := []string{
		"UV_CACHE_DIR=" + filepath.Join(b.uvDir(), "cache"), "UV_PROJECT_ENVIRONMENT=" + filepath.Join(b.uvDir(), a.name),
		"UV_PYTHON=python3", "UV_PYTHON_DOWNLOADS=never", "UV_DEFAULT_INDEX=" + index,
	}
	took, _, err := b.time(ctx, a.dir, env, append([]string{filepath.Join(b.pythonTools(), "uv", "uv")}, args...)...)
	return took, err
}

var indexURL = regexp.MustCompile(`(?m)^(?:global|install|:env:)\.index-url='(.*)'$`)

// pythonIndex is the package index of the machine's pip, "" for that of everybody.
func pythonIndex(ctx context.Context) (string, error) {
	text, err := output(ctx, "pip", "config", "list")
	if found := indexURL.FindStringSubmatch(text); found != nil {
		return found[1], err
	}
	return "", err
}

// pythonDockerfile is a good one for an app in Python: packages apart from the source, uv's cache in a mount.
const pythonDockerfile = `FROM strata/build:13 AS build
USER 0
ENV UV_DEFAULT_INDEX=%[2]s UV_CACHE_DIR=/cache UV_LINK_MODE=copy UV_PYTHON=/opt/python/bin/python3.13 UV_PYTHON_DOWNLOADS=never \
    LD_LIBRARY_PATH=/opt/python/lib SSL_CERT_FILE=/certificates/ca-certificates.crt
WORKDIR /app
COPY pyproject.toml uv.lock ./
RUN --mount=type=cache,id=%[1]s-uv,target=/cache --mount=from=tools,source=uv,target=/uv \
    --mount=from=tools,source=python,target=/opt/python --mount=from=certificates,target=/certificates \
    /uv/uv sync --frozen --no-dev --compile-bytecode
COPY . .
RUN --mount=from=tools,source=python,target=/opt/python %[3]s
FROM strata/run-glibc:13
ENV LD_LIBRARY_PATH=/opt/python/lib
COPY --from=tools python /opt/python
COPY --from=build /app /app
WORKDIR /app
ENTRYPOINT ["/app/.venv/bin/gunicorn", "%[4]s"]
`
