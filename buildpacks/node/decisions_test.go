package node_test

import (
	"fmt"
	"testing"

	"github.com/strata-buildpacks/strata/buildpacks/kit/config"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
)

// web is a plan that asks for the process web of a Procfile.
const web = "[[entries]]\nname = \"procfile-web\"\n"

// TestDecisions lets each build end where it has to fetch Node.js, with all of its decisions in the log.
func TestDecisions(t *testing.T) {
	t.Parallel()
	const start = `"scripts": {"start": "node server.js"}`
	const withPackage = `{` + start + `, "dependencies": {"ms": "2"}}`
	tests := []struct {
		name string
		app  files
		env  config.Environment
		plan string
	}{
		{name: "default", app: files{"package.json": `{` + start + `}`}},
		{name: "engines-before-nvmrc", app: files{"package.json": `{` + start + `, "engines": {"node": ">=20 <23"}}`, ".nvmrc": "24"}},
		{name: "engines-with-default", app: files{"package.json": `{` + start + `, "engines": {"node": ">=18"}}`}},
		{name: "nvmrc-before-node-version", app: files{"package.json": `{` + start + `}`, ".nvmrc": "# team\nlts/jod\n", ".node-version": "20"}},
		{name: "node-version-before-volta", app: files{"package.json": `{` + start + `, "volta": {"node": "24.1.0"}}`,
			".node-version": "v20.11.0"}},
		{name: "volta", app: files{"package.json": `{` + start + `, "volta": {"node": "24.1.0"}}`}},
		{name: "variable", app: files{"package.json": `{` + start + `, "engines": {"node": "22"}}`},
			env: config.Environment{"BP_NODE_VERSION": "16.x || 14.x"}},
		{name: "latest", app: files{"package.json": `{` + start + `}`}, env: config.Environment{"BP_NODE_VERSION": "latest"}},
		{name: "npm-of-package-manager",
			app: files{"package.json": `{` + start + `, "packageManager": "npm@10.9.2", "dependencies": {"ms": "2"}}`}},
		{name: "maps-script", app: files{
			"package.json": `{"scripts": {"start": "node --enable-source-maps server.js"}, "dependencies": {"ms": "2"}}`,
		}},
		{name: "maps-package", app: files{"package.json": `{` + start + `, "dependencies": {"ms": "2", "source-map-support": "0.5"}}`}},
		{name: "maps-variable", app: files{"package.json": withPackage}, env: config.Environment{"BPE_NODE_OPTIONS": "--enable-source-maps"}},
		{name: "maps-procfile", app: files{"package.json": withPackage, "Procfile": "web: node -r source-map-support/register server.js\n"}},
		{name: "maps-left-out", app: files{
			"package.json": `{"scripts": {"start": "node --enable-source-maps server.js"}, "dependencies": {"ms": "2"}}`,
		}, env: config.Environment{"BP_NODE_LEAVE_OUT": "maps"}},
		{name: "npm-6", app: files{"package.json": `{"scripts": {"start": "serve --single"}, "dependencies": {"serve": "14"}}`,
			"package-lock.json": `{"lockfileVersion": 1}`}},
		{name: "pnpm", app: files{"package.json": withPackage, "pnpm-lock.yaml": "lockfileVersion: '9.0'\n"}},
		{name: "pnpm-7", app: files{"package.json": withPackage, "pnpm-lock.yaml": "lockfileVersion: 5.4\n"}},
		{name: "pnpm-8", app: files{"package.json": withPackage, "pnpm-lock.yaml": "lockfileVersion: '6.0'\n"}},
		{name: "pnpm-of-package-manager", app: files{
			"package.json":   `{` + start + `, "packageManager": "pnpm@12.21.0+sha512.00", "dependencies": {"ms": "2"}}`,
			"pnpm-lock.yaml": "lockfileVersion: '9.0'\n",
		}},
		{name: "pnpm-of-range", app: files{"package.json": `{` + start + `, "packageManager": "pnpm@<10", "dependencies": {"ms": "2"}}`,
			"pnpm-lock.yaml": "lockfileVersion: '9.0'\n"}},
		{name: "yarn-of-range", app: files{"package.json": `{` + start + `, "packageManager": "yarn@^3.6", "dependencies": {"ms": "2"}}`}},
		{name: "yarn-without-version", app: files{"package.json": `{` + start + `, "packageManager": "yarn", "dependencies": {"ms": "2"}}`,
			"yarn.lock": "__metadata:\n  version: 8\n", ".yarnrc.yml": "nodeLinker: node-modules\n"}},
		{name: "odd-fields", app: files{
			"package.json": "\ufeff" + `{"name": 5, "version": 1, "main": false, "engines": {"node": 22, "npm": []},
				"workspaces": {"nohoist": ["**"]}, "scripts": {"//": ["words"], "start": "node server.js"}, "dependencies": [],
				"dependencies": {"ms": "", "a": null},
				"devDependencies": [], "packageManager": {"name": "pnpm"}, "volta": "24", "bin": 7}`, "package-lock.json": "",
			"npm-shrinkwrap.json": `{"lockfileVersion": "3", "packages": {"": {"version": 1}, "node_modules/ms": null, "node_modules/a": [],
				"node_modules/b": {"version": 2, "resolved": false, "bin": "b.js", "dev": "true"}}}`, "server.js": ""}},
		{name: "yarn-1", app: files{"package.json": withPackage, "yarn.lock": "# yarn lockfile v1\n"}},
		{name: "yarn-3", app: files{"package.json": withPackage, "yarn.lock": "__metadata:\n  version: 6\n",
			".yarnrc.yml": "nodeLinker: node-modules\n"}},
		{name: "yarn-4", app: files{"package.json": withPackage, "yarn.lock": "__metadata:\n  version: 8\n",
			".yarnrc.yml": "nodeLinker: node-modules\n"}},
		{name: "yarn-2", app: files{"package.json": withPackage,
			"yarn.lock": "__metadata:\n  version: 4\n  cacheKey: 7\n\n" + berryPackage("ms@npm:2.1.3", "checksum: 00")}},
		{name: "yarn-of-app", app: files{
			"package.json": withPackage, "yarn.lock": "__metadata:\n  version: 8\n",
			".yarnrc.yml": "nodeLinker: node-modules\nyarnPath: .yarn/releases/yarn-4.9.2.cjs\n", ".yarn/releases/yarn-4.9.2.cjs": "",
		}},
		{name: "bun", app: files{"package.json": withPackage, "bun.lock": "", "bun.lockb": ""}},
		{name: "bun-runs", app: files{"package.json": `{"scripts": {"start": "bun --watch run start:prod",
			"start:prod": "bun run --preload ./setup.ts src/server.ts --port 1"}, "dependencies": {"ms": "2"}}`, "bun.lock": "", "bun.lockb": ""}},
		{name: "bun-asked", app: files{"package.json": `{"engines": {"bun": "~1.2"}, "scripts": {"start": "bun server.ts"},
			"dependencies": {"ms": "2"}}`, "bun.lock": ""}},
		{name: "bun-runs-with-npm", app: files{"package.json": `{"scripts": {"start": "npm run start:prod", "start:prod": "bun server.ts"}}`}},
		{name: "bun-runs-by-procfile", app: files{"package.json": `{}`, "Procfile": "web: bun server.ts\n"}, plan: web},
		{name: "bun-of-script-by-procfile", app: files{"package.json": `{"scripts": {"prod": "bun server.ts"}}`,
			"Procfile": "\ufeffweb: A=1 npm run prod\r\n"}, plan: web},
		{name: "procfile-of-nobody", app: files{"package.json": `{"scripts": {"start": "bun server.ts"}}`, "Procfile": "web: node x.js\n"}},
		{name: "unhashed-npm", app: files{"package.json": withPackage, "package-lock.json": `{"lockfileVersion": 3, "packages": {
			"node_modules/@a/b": {"version": "1.0.0"}, "node_modules/c": {"version": "1.0.0", "integrity": "sha512-00"},
			"node_modules/c/node_modules/d": {"version": "1.0.0", "inBundle": true}, "node_modules/e": {"version": "1.0.0",
				"resolved": "git+ssh://git@example.test/e.git#00"},
			"node_modules/g": {"version": "1.0.0", "resolved": "git+ssh://git@github.com/g/g.git#00"},
			"node_modules/f": {"version": "2.0.0"}}}`}},
		{name: "unhashed-pnpm", app: files{"package.json": withPackage,
			"pnpm-lock.yaml": "lockfileVersion: '9.0'\n\nimporters:\n\n  .:\n    dependencies:\n      ms: 2\n\npackages:\n\n" +
				"  '@a/b@1.0.0':\n    resolution: {integrity: sha512-00}\n\n  c@1.0.0:\n    resolution: {tarball: https://example.test/c.tgz}\n\n" +
				"  d@1.0.0:\n    resolution: {commit: '00', repo: https://example.test/d.git, type: git}\n\n  e@file:e:\n" +
				"    resolution: {directory: e, type: directory}\n"}},
		{name: "unhashed-yarn-1", app: files{"package.json": withPackage, "yarn.lock": "# yarn lockfile v1\r\n\r\n\r\n" +
			"\"@a/b@^1.0.0\", \"@a/b@^1.1.0\":\r\n  version \"1.2.0\"\r\n  resolved \"https://example.test/b.tgz\"\r\n\r\n" +
			"c@^1.0.0:\r\n  version \"1.0.0\"\r\n  integrity sha512-00\r\n\r\nd@^1.0.0:\r\n  version \"1.0.0\"\r\n" +
			"  resolved \"https://example.test/d.tgz#0258eae4d3d0c0974de1c169188ef0051d1d1988\"\r\n"}},
		{name: "unhashed-yarn", app: files{"package.json": withPackage, "yarn.lock": "__metadata:\n  version: 8\n  cacheKey: 10c0\n\n" +
			berryPackage("ms@npm:2.1.3", "checksum: 10c0/00") + berryPackage("@a/darwin@npm:1.0.0", "conditions: os=darwin & cpu=x64") +
			berryPackage("@a/linux@npm:1.0.0", "conditions: os=linux & cpu=x64 & libc=glibc") + berryPackage("@a/musl@npm:1.0.0",
			"conditions: os=linux & cpu=x64 & libc=musl")}},
		{name: "unhashed-bun", app: files{"package.json": withPackage, "bun.lock": "{\n  \"lockfileVersion\": 1,\n  \"packages\": {\n" +
			"    \"ms\": [\"ms@2.1.3\", \"\", {}, \"\"],\n\n    \"c\": [\"c@1.0.0\", \"\", {}, \"sha512-00\"],\n\n" +
			"    \"d\": [\"d@workspace:d\"],\n  }\n}\n"}},
		{name: "workspace", app: files{
			"package.json": `{"workspaces": ["packages/*"], "engines": {"node": "22"}}`, "packages/web/package.json": withPackage,
			".nvmrc": "20",
		}, env: config.Environment{"BP_NODE_PROJECT_PATH": "packages/web"}},
		{name: "project-for-itself", app: files{
			"package.json": `{"engines": {"node": "22"}}`, "web/package.json": withPackage, "web/bun.lock": "", "yarn.lock": "",
		}, env: config.Environment{"BP_NODE_PROJECT_PATH": "web"}},
		{name: "scripts", app: files{
			"package.json": `{"scripts": {"start": "node .", "build": "tsc", "preinstall": "npx only-allow npm",
				"postinstall": "patch-package", "prepare": "husky || true"}, "dependencies": {"ms": "2"}}`,
			"package-lock.json": `{"lockfileVersion": 3, "packages": {"": {}}}`,
		}},
		{name: "offline-npm", app: files{"package.json": withPackage, "package-lock.json": `{"lockfileVersion": 3, "packages": {"": {}}}`,
			"npm-cache/_cacache/index": ""}},
		{name: "offline-yarn-1", app: files{"package.json": withPackage, "yarn.lock": "# yarn lockfile v1\n",
			".yarnrc": "# team\nyarn-offline-mirror \"./archives\"\n"}},
		{name: "vendored", app: files{"package.json": withPackage, "node_modules/ms/package.json": "{}"},
			env: config.Environment{"BP_NODE_VENDORED_ENABLED": "true"}},
		{name: "scripts-of-install",
			app: files{"package.json": `{"scripts": {"start": "node .", "preinstall": "a", "install": "b", "prepare": "c"}}`}},
		{name: "scripts-named",
			app: files{"package.json": `{"scripts": {"start": "node .", "build": "a", "postinstall": "b", "prepare": "husky"}}`},
			env: config.Environment{"BP_NODE_RUN_SCRIPTS": "prepare,build"}},
		{name: "script-with-colon",
			app: files{"package.json": `{"scripts": {"start": "yarn serve:prod", "serve:prod": "node .", "build": "a", "build:prod": "b",
				"prod": "c"}}`}, env: config.Environment{"BP_NODE_RUN_SCRIPTS": "build:prod"}},
		{name: "peers", app: files{"package.json": `{` + start + `, "peerDependencies": {"ms": "2"}}`}},
		{name: "vendored-not-asked", app: files{"package.json": withPackage, "node_modules/ms/package.json": "{}"}},
		{name: "scripts-off", app: files{"package.json": `{"scripts": {"start": "node .", "build": "a", "postinstall": "b"}}`},
			env: config.Environment{"BP_NODE_INSTALL_SCRIPTS_ENABLED": "false"}},
		{name: "builds-of-workspaces", app: files{
			"package.json":        `{"workspaces": ["*"], "scripts": {"build": "turbo run build"}}`,
			"web/package.json":    `{"scripts": {"build": "web"}, "dependencies": {"b": "*"}, "devDependencies": {"a": "*"}}`,
			"a/package.json":      `{"name": "a", "scripts": {"build": "a"}}`,
			"b/package.json":      `{"name": "b", "scripts": {"build": "b"}, "dependencies": {"c": "*", "a": "*"}}`,
			"c/package.json":      `{"name": "c"}`,
			"unused/package.json": `{"name": "unused", "scripts": {"build": "unused"}}`,
			"package-lock.json":   `{"lockfileVersion": 3, "packages": {"": {}}}`,
		}, env: config.Environment{"BP_NODE_PROJECT_PATH": "web"}},
		{name: "build-of-root", app: files{
			"package.json":      `{"workspaces": ["*"], "scripts": {"build": "nx build web"}}`,
			"web/package.json":  `{}`,
			"package-lock.json": `{"lockfileVersion": 3, "packages": {"": {}}}`,
		}, env: config.Environment{"BP_NODE_PROJECT_PATH": "web"}},
		{name: "workspace-that-starts", app: files{
			"package.json":     `{"workspaces": ["*"], "scripts": {"start": "npm start -w web", "build": "npm run build --workspaces"}}`,
			"web/package.json": `{"scripts": {"start": "node server.js", "build": "tsc"}}`,
		}},
		{name: "scripts-of-workspaces", app: files{
			"package.json": `{"workspaces": ["*"], "scripts": {"postinstall": "root"}}`, "yarn.lock": "__metadata:\n  version: 8\n",
			".yarnrc.yml": "nodeLinker: node-modules\n",
			"web/package.json": `{"name": "web", "scripts": {"start": "node .", "postinstall": "web", "prepare": "not with this Yarn"},
				"devDependencies": {"db": "*"}}`,
			"db/package.json":    `{"name": "db", "scripts": {"postinstall": "prisma generate"}, "dependencies": {"web": "*"}}`,
			"other/package.json": `{"name": "other", "scripts": {"postinstall": "pod install"}}`,
		}, env: config.Environment{"BP_NODE_PROJECT_PATH": "web"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			for _, name := range []string{"server.js", "index.js", "web/index.js", "web/server.js", "packages/web/server.js"} { // what is started
				if _, own := test.app[name]; !own {
					test.app[name] = ""
				}
			}
			fails(t, "decision-"+test.name, kittest.Case{App: test.app, Env: test.env, Plan: test.plan})
		})
	}
}

// berryPackage is a package in a lockfile of Yarn from 2 on.
func berryPackage(resolution, attribute string) string {
	return fmt.Sprintf("%q:\n  version: 1.0.0\n  resolution: %q\n  %s\n  languageName: node\n  linkType: hard\n\n", resolution, resolution,
		attribute)
}
