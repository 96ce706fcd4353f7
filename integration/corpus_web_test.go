package integration

var webLayers = []string{"strata/web/server"}

var webCorpus = []small{
	{
		name: "a page", app: map[string]string{"index.html": "<h1>page</h1>"},
		processes: []string{"web*"}, layers: webLayers, answer: "page",
	},
	{
		name: "dist", app: map[string]string{"dist/index.html": "<h1>dist</h1>", "README.md": ""},
		processes: []string{"web*"}, layers: webLayers, answer: "dist",
	},
	{
		name: "Staticfile", app: map[string]string{
			"index.html":       "no",
			"Staticfile":       "root: pages\npushstate: enabled\n",
			"pages/index.html": "pages",
		},
		processes: []string{"web*"}, layers: webLayers, path: "/deep/link", answer: "pages",
	},
	{
		name: "static.json", app: map[string]string{
			"static.json": `{"root": "pages",
			"routes": {"/**": "index.html"}}`,
			"pages/index.html": "pages",
		},
		processes: []string{"web*"}, layers: webLayers, path: "/deep/link", answer: "pages",
	},
	{
		name: "_redirects", app: map[string]string{"index.html": "one page", "_redirects": "/* /index.html 200\n"},
		processes: []string{"web*"}, layers: webLayers, path: "/deep/link", answer: "one page",
	},
	{
		name: "tools for developers", app: map[string]string{
			"index.html": "tools", "package.json": scripts(`"format": "prettier --write ."`),
		},
		processes: []string{"web*"}, layers: webLayers, answer: "tools",
	},
	{
		name: "a script that builds", app: map[string]string{
			"package.json": scripts(`"build": "node build.js"`), "src/index.html": "no",
			"build.js": "require('fs').mkdirSync('dist'); require('fs').writeFileSync('dist/index.html', 'built')\n",
		},
		processes: []string{"web*"}, layers: webLayers, answer: "built",
	},
	{
		name: "a script that writes beside the page", app: map[string]string{
			"package.json": scripts(`"build": "node build.js"`), "public/index.html": "public",
			"build.js": "require('fs').writeFileSync('public/app.txt', 'made')\n",
		},
		processes: []string{"web*"}, layers: webLayers, path: "/app.txt", answer: "made",
	},
	{
		name: "a server of files", app: map[string]string{
			"package.json":     manifest(`, "scripts": {"start": "serve -s pages -l $PORT"}, "dependencies": {"serve": "14"}`),
			"pages/index.html": "pages",
		},
		processes: []string{"web*"}, layers: webLayers, path: "/deep/link", answer: "pages",
	},
	{
		name: "BP_WEB_SERVER_ROOT", app: map[string]string{
			"package.json": scripts(`"build": "node build.js", "start": "node server.js"`), "server.js": nodeServer("'no'"),
			"build.js": "require('fs').mkdirSync('out'); require('fs').writeFileSync('out/index.html', 'out')\n",
		},
		flags: []string{"-e", "BP_WEB_SERVER_ROOT=out"}, processes: []string{"web*"}, layers: webLayers, answer: "out",
	},
	{
		name: "a program of another language", app: map[string]string{"public/index.html": "", "Cargo.toml": ""},
		fails: []string{"Cargo.toml", "BP_WEB_SERVER_ROOT=public"},
	},
}
