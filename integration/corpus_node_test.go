package integration

import "fmt"

// nodeLayers are those of an app without packages.
var nodeLayers = []string{"strata/node/node", "strata/node/start"}

// helperLayers are those of an app without packages that starts by more than one command.
var helperLayers = []string{"strata/launch-helper/helper", "strata/node/node", "strata/node/start"}

// manifest is a package.json of a package named app.
func manifest(more string) string { return fmt.Sprintf(`{"name": "app", "version": "1.2.3"%s}`, more) }

// scripts is a manifest with scripts.
func scripts(text string) string { return manifest(`, "scripts": {` + text + `}`) }

var nodeCorpus = []small{
	{
		name: "script start", app: map[string]string{"package.json": scripts(`"start": "node app.js"`), "app.js": nodeServer("'start'")},
		processes: []string{"web*"}, layers: nodeLayers, answer: "start",
	},
	{
		name: "server.js", app: map[string]string{"package.json": manifest(""), "server.js": nodeServer("'server'")},
		processes: []string{"web*"}, layers: nodeLayers, answer: "server",
	},
	{
		name: "index.js", app: map[string]string{"package.json": manifest(""), "index.js": nodeServer("'index'")},
		processes: []string{"web*"}, layers: nodeLayers, answer: "index",
	},
	{
		name: "app.js", app: map[string]string{"package.json": manifest(""), "app.js": nodeServer("'app'")},
		processes: []string{"web*"}, layers: nodeLayers, answer: "app",
	},
	{
		name: "main", app: map[string]string{"package.json": manifest(`, "main": "./lib/main"`), "lib/main.js": nodeServer("'main'")},
		processes: []string{"web*"}, layers: nodeLayers, answer: "main",
	},
	{
		name: "main that is false", app: map[string]string{
			"package.json": manifest(`,
			"main": false`),
			"server.js": nodeServer("'false'"),
		},
		processes: []string{"web*"}, layers: nodeLayers, answer: "false",
	},
	{
		name: "module", app: map[string]string{"package.json": manifest(`, "type": "module"`), "index.js": nodeModule("'module'")},
		processes: []string{"web*"}, layers: nodeLayers, answer: "module",
	},
	{
		name: "TypeScript that Node.js runs", app: map[string]string{
			"package.json": manifest(`, "type": "module"`), "src/index.ts": "const text: string = 'types'\n" + nodeModule("text"),
		},
		processes: []string{"web*"}, layers: nodeLayers, answer: "types",
	},
	{
		name: "TypeScript that Node.js does not run", app: map[string]string{
			"package.json": manifest(`, "type": "module"`),
			"src/index.ts": "// import './none'\nimport type { None } from './none'\nimport {\n\tColour } from './colour.ts'\n" +
				nodeModule("Colour.Red"),
			"src/none.ts": "export enum None { A }\n", "src/colour.ts": "\nexport enum Colour { Red }\n",
		},
		fails: []string{"src/colour.ts line 2: TypeScript enum; ", "tsx"},
	},
	{
		name: "an import that Node.js does not find", app: map[string]string{
			"package.json": scripts(`"start": "node index.ts"`),
			"index.ts":     "/*\nimport './text'\n*/\nimport { text } from './text'\n" + nodeModule("text"),
			"text.ts":      "export const text: string = 'x'\n",
		},
		fails: []string{"index.ts line 4: it imports ./text, which is text.ts; "},
	},
	{
		name: "main that npm init writes, in TypeScript", app: map[string]string{
			"package.json": manifest(`, "main": "index.js", "type": "module"`), "index.ts": "const text: string = 'source'\n" + nodeModule("text"),
		},
		processes: []string{"web*"}, layers: nodeLayers, answer: "source",
	},
	{
		name: "without a package.json", app: map[string]string{"server.js": nodeServer("'alone'")},
		processes: []string{"web*"}, layers: nodeLayers, answer: "alone",
	},
	{
		name: "byte-order mark", app: map[string]string{
			"package.json": "\ufeff" + scripts(`"start": "node app.js"`),
			"app.js":       nodeServer("'mark'"),
		},
		processes: []string{"web*"}, layers: nodeLayers, answer: "mark",
	},
	{
		name: "fields of other types", app: map[string]string{
			"package.json": `{"name": "app", "version": 1, "dependencies": [], "engines": {"node": 24},
				"scripts": {"//": ["a"], "start": "node app.js"}}`,
			"app.js": nodeServer("process.version"),
		},
		processes: []string{"web*"}, layers: nodeLayers, answer: "v24.",
	},
	{
		name: "package.json with a fault", app: map[string]string{"package.json": "{\n  \"name\": \"app\",\n}\n", "server.js": ""},
		fails: []string{"package.json", "line 3"},
	},
	{
		name: ".tool-versions", app: map[string]string{
			"package.json": manifest(""),
			"server.js":    nodeServer("process.version"), ".tool-versions": "ruby 3.4.1\nnodejs 22 # the LTS\n",
		},
		processes: []string{"web*"}, layers: nodeLayers, answer: "v22.",
	},
	{
		name: "mise.toml", app: map[string]string{
			"package.json": manifest(""), "server.js": nodeServer("process.version"), "mise.toml": "[tools]\nnode = \"22\"\n",
		},
		processes: []string{"web*"}, layers: nodeLayers, answer: "v22.",
	},
	{
		name: ".nvmrc", app: map[string]string{
			"package.json": manifest(""),
			"server.js":    nodeServer("process.version"),
			".nvmrc":       "lts/jod\n",
		},
		processes: []string{"web*"}, layers: nodeLayers, answer: "v22.",
	},
	{
		name: "exec", app: map[string]string{
			"package.json": scripts(`"start": "exec node server.js"`),
			"server.js":    nodeServer("'exec'"),
		},
		processes: []string{"web*"}, layers: nodeLayers, answer: "exec",
	},
	{
		name: "two commands", app: map[string]string{
			"package.json": scripts(`"start": "node migrate.js && node server.js"`),
			"migrate.js":   "require('fs').writeFileSync('/tmp/state', 'migrated')\n",
			"server.js":    nodeServer("require('fs').readFileSync('/tmp/state')"),
		},
		processes: []string{"web*"}, layers: helperLayers, answer: "migrated",
	},
	{
		name: "programs at the same time", app: map[string]string{
			"package.json": scripts(`"start": "concurrently 'npm:*:run'", "api:run": "node api.js", "site:run": "node server.js"`),
			"api.js":       "require('fs').writeFileSync('/tmp/state', 'both'); setInterval(() => {}, 1000)\n",
			"server.js":    "while (!require('fs').existsSync('/tmp/state')) {}\n" + nodeServer("require('fs').readFileSync('/tmp/state')"),
		},
		processes: []string{"web*"}, layers: helperLayers, answer: "both",
	},
	{
		name: "a module that answers requests", app: map[string]string{
			"package.json":          manifest(`, "type": "module", "dependencies": {"@tanstack/react-start": "file:./stub"}`),
			"stub/package.json":     `{"name": "@tanstack/react-start", "version": "1.0.0"}`,
			"dist/client/style.css": "body {}", "dist/server/server.js": "export default { fetch: r => new Response('asked ' + r.url) }\n",
		},
		processes: []string{"web*"}, layers: append([]string{"strata/node/modules"}, nodeLayers...), path: "/x?y=1", answer: "/x?y=1",
	},
	{
		name: "a variable in arguments", app: map[string]string{
			"package.json": scripts(`"start": "node server.js ${GREETING:-good day}"`), "server.js": nodeServer("process.argv.slice(2)"),
		},
		processes: []string{"web*"}, layers: helperLayers, answer: "good,day",
	},
	{
		name: "another folder", app: map[string]string{
			"package.json": scripts(`"start": "cd server && node index.js"`), "server/index.js": nodeServer("process.cwd()"),
		},
		processes: []string{"web*"}, layers: nodeLayers, answer: "/workspace/server",
	},
	{
		name: "a shell", app: map[string]string{
			"package.json": scripts(`"start": "sh start.sh"`),
			"start.sh":     "#!/bin/sh\nexec node server.js\n",
		},
		fails: []string{"start.sh", "exec node server.js"},
	},
	{
		name: "a pipe", app: map[string]string{"package.json": scripts(`"start": "node server.js | tee log"`), "server.js": ""},
		fails: []string{"start", "|"},
	},
	{
		name: "a file that is not there", app: map[string]string{
			"package.json": scripts(`"start": "node Server.js"`),
			"server.js":    nodeServer("1"),
		},
		fails: []string{"Server.js", "server.js"},
	},
	{
		name: "nodemon", app: map[string]string{
			"package.json": manifest(`, "scripts": {"start": "nodemon server.js"}, "devDependencies": {"nodemon": "3"}`),
			"server.js":    nodeServer("'nodemon'"),
		},
		processes: []string{"web*"}, layers: []string{"strata/node/modules", "strata/node/node", "strata/node/start"}, answer: "nodemon",
	},
	{
		name: "a build script", app: map[string]string{
			"package.json": scripts(`"build": "node build.js", "start": "node dist/server.js"`),
			"build.js":     "require('fs').mkdirSync('dist'); require('fs').copyFileSync('server.js', 'dist/server.js')\n",
			"server.js":    nodeServer("'built'"),
		},
		processes: []string{"web*"}, layers: nodeLayers, answer: "built",
	},
	{
		name: "a build script that start runs first", app: map[string]string{
			"package.json": scripts(`"build": "node build.js", "start": "npm run build && node dist/server.js"`),
			"build.js":     "require('fs').mkdirSync('dist'); require('fs').copyFileSync('server.js', 'dist/server.js')\n",
			"server.js":    nodeServer("'first'"),
		},
		processes: []string{"web*"}, layers: nodeLayers, answer: "first",
	},
	{
		name: "Procfile with npm", app: map[string]string{
			"package.json": scripts(`"start": "node server.js"`), "server.js": nodeServer("process.env.NODE_ENV"),
			"worker.js": "", "Procfile": "\ufeffweb: NODE_ENV=staging npm start\r\nworker: node worker.js\r\n",
		},
		processes: []string{"web*", "worker"}, layers: nodeLayers, answer: "staging",
	},
	{
		name: "variables of npm", app: map[string]string{
			"package.json": scripts(`"start": "node server.js"`),
			"server.js":    nodeServer("[process.env.npm_package_name, process.env.npm_package_version]"),
		},
		processes: []string{"web*"}, layers: nodeLayers, answer: "app,1.2.3",
	},
	{
		name: "a workspace that the root starts", app: map[string]string{
			"package.json":                   manifest(`, "workspaces": ["packages/*"], "scripts": {"start": "node packages/api/index.js"}`),
			"packages/api/package.json":      `{"name": "api", "version": "1.0.0", "dependencies": {"greeting": "*"}}`,
			"packages/api/index.js":          nodeServer("require('greeting')"),
			"packages/greeting/index.js":     "module.exports = 'a workspace'\n",
			"packages/greeting/package.json": `{"name": "greeting", "version": "1.0.0"}`,
		},
		processes: []string{"web*"}, layers: []string{"strata/node/modules", "strata/node/node", "strata/node/start"}, answer: "a workspace",
	},
	{
		name: "a workspace whose script start the root runs", app: map[string]string{
			"package.json":                   manifest(`, "workspaces": ["packages/*"], "scripts": {"start": "npm start -w api"}`),
			"packages/api/package.json":      `{"name": "api", "dependencies": {"greeting": "*"}, "scripts": {"start": "node index.js"}}`,
			"packages/api/index.js":          nodeServer("require('greeting')"),
			"packages/greeting/index.js":     "module.exports = 'picked'\n",
			"packages/greeting/package.json": `{"name": "greeting", "version": "1.0.0"}`,
		},
		processes: []string{"web*"}, layers: []string{"strata/node/modules", "strata/node/node", "strata/node/start"}, answer: "picked",
	},
	{
		name: "two folders", app: map[string]string{
			"backend/package.json": manifest(""), "backend/server.js": nodeServer("1"), "frontend/package.json": manifest(""),
		},
		fails: []string{"backend", "frontend", "BP_NODE_PROJECT_PATH"},
	},
}
