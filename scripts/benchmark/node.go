package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
)

const npm tool = "npm ci"

const (
	server = "import express from 'express';\n\n" +
		"express().get('/', (request, response) => response.send('Hello.\\n')).listen(process.env.PORT);\n"
	dependencies = `{"name": "server", "private": true, "type": "module", "main": "main.js", "dependencies": {"express": "5.1.0"%s}}` + "\n"
)

// newNodeApp makes an app on Express, and has strata build install the Node.js and the npm that all tools use. They are
// taken away from it, so that the first build that is measured installs its own.
func (b *bench) newNodeApp(ctx context.Context, name string) (*app, error) {
	target, err := filepath.Abs(filepath.Join(dir, "source", name))
	if err != nil {
		return nil, err
	}
	a := &app{
		name: name, dir: target, file: filepath.Join(target, "main.js"), text: server, tools: []tool{strata, npm},
		steps: []step{edited, same, depended}, limits: nodeLimits, rounds: map[step][]round{},
		edit: func(text string, round int) (string, error) { return fmt.Sprintf("%s// round %d\n", text, round), nil },
	}
	a.depend = func(ctx context.Context, round int) error {
		return b.lock(ctx, a, fmt.Sprintf(`, "ms": "2.1.%d"`, 1+round%3))
	}
	if err := os.MkdirAll(target, 0o755); err != nil {
		return nil, err
	}
	for file, text := range map[string]string{"main.js": server, "package.json": fmt.Sprintf(dependencies, "")} {
		if err := os.WriteFile(filepath.Join(target, file), []byte(text), 0o644); err != nil {
			return nil, err
		}
	}
	if _, _, err := b.time(ctx, target, nil, filepath.Join(b.bin, "strata"), "build", ".", "-t", "strata-bench/without-lockfile"); err != nil {
		return nil, err
	}
	if err := b.takeTools(b.nodeTools(), map[string]string{"node-linux-*": "node", "npm-[0-9]*": "npm"}); err != nil {
		return nil, err
	}
	return a, b.lock(ctx, a, "")
}

func (b *bench) npmDir() string { return filepath.Join(b.dir, "npm") }

// nodeTools is the folder with the folders node and npm.
func (b *bench) nodeTools() string { return filepath.Join(b.npmDir(), "tools") }

// lock writes package.json and a lockfile that fits it.
func (b *bench) lock(ctx context.Context, a *app, more string) error {
	if err := os.WriteFile(filepath.Join(a.dir, "package.json"), fmt.Appendf(nil, dependencies, more), 0o644); err != nil {
		return err
	}
	_, err := b.npm(ctx, a.dir, "install", "--package-lock-only")
	return err
}

// npm runs npm in a folder, with a cache of its own.
func (b *bench) npm(ctx context.Context, dir string, args ...string) (sample, error) {
	programs := filepath.Join(b.nodeTools(), "npm", ".programs")
	env := []string{
		"PATH=" + programs + ":" + filepath.Join(b.nodeTools(), "node", "bin") + ":" + os.Getenv("PATH"),
		"npm_config_cache=" + filepath.Join(b.npmDir(), "cache"), "npm_config_update_notifier=false", "npm_config_audit=false",
		"npm_config_fund=false",
	}
	took, _, err := b.time(ctx, dir, env, append([]string{filepath.Join(programs, "npm")}, args...)...)
	return took, err
}

// bareNPM installs the app's packages in a copy of its folder, where the last install is replaced.
func (b *bench) bareNPM(ctx context.Context, a *app) (sample, error) {
	work := filepath.Join(b.npmDir(), a.name)
	if err := os.MkdirAll(work, 0o755); err != nil {
		return sample{}, err
	}
	for _, file := range []string{"main.js", "package.json", "package-lock.json"} {
		text, err := os.ReadFile(filepath.Join(a.dir, file))
		if err != nil {
			return sample{}, err
		}
		if err := os.WriteFile(filepath.Join(work, file), text, 0o644); err != nil {
			return sample{}, err
		}
	}
	return b.npm(ctx, work, "ci", "--omit=dev")
}

// nodeDockerfile is a good one for an app on Node.js: packages apart from the source, npm's cache in a mount.
const nodeDockerfile = `FROM strata/build:13 AS build
USER 0
ENV npm_config_registry=%[2]s npm_config_cache=/cache npm_config_update_notifier=false npm_config_audit=false \
    npm_config_fund=false NODE_EXTRA_CA_CERTS=/certificates/ca-certificates.crt
WORKDIR /app
COPY package.json package-lock.json ./
RUN --mount=type=cache,id=%[1]s-npm,target=/cache --mount=from=tools,target=/tools \
    --mount=from=certificates,target=/certificates PATH=/tools/npm/.programs:/tools/node/bin:$PATH npm ci --omit=dev
COPY main.js ./
FROM strata/run-glibc:13
COPY --from=tools node/bin/node /usr/bin/node
ENV NODE_ENV=production
COPY --from=build /app /app
ENTRYPOINT ["/usr/bin/node", "/app/main.js"]
`
