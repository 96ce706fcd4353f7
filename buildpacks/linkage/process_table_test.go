package linkage_test

import (
	"debug/elf"

	"github.com/strata-buildpacks/strata/buildpacks/kit/config"
	"github.com/strata-buildpacks/strata/buildpacks/kit/elf/elftest"
)

// What the tests of processes have: a program, an app, and what the metadata of a layer without a folder tells.
var (
	program = elftest.Program(elf.EM_X86_64, "")
	js      = map[string]string{
		"server.js": "", "dist/src/main.js": "", "bin/www": "#!/usr/bin/env node\n", "lib/index.js": "", "src/app.ts": "",
		"pkg/package.json": "{}", "tools/run": program, "README": "", "start.sh": "#!/bin/sh\nexec hello\n", "Makefile": "all:",
	}
	packages = "[metadata.contents]\nknown = true\npath = [\"<app>/node_modules/.bin\"]\n"
	known    = "[metadata.contents]\nknown = true\nprograms = [\"bun\"]\npath = [\"<app>/tools\"]\n"
)

const (
	none    = ", which the image does not have; "
	correct = "see whether the build makes it, correct its name, or name it in BP_LINKAGE_PROGRAMS if it is there at launch alone"
)

var processes = map[string]process{
	// Names.
	"name":     {command: "hello one"},
	"absolute": {command: "<layers>/strata_go/targets/bin/hello"},
	"typo":     {command: "helo", want: "starts helo" + none + "write hello, which is there"},
	"case":     {command: "Hello", want: "starts Hello" + none + "write hello, which is there"},
	"other name": {
		command: "gunicorn app:app",
		want:    "starts gunicorn" + none + "name a program that is there: hello, node, text, tool",
	},
	"glibc's":      {command: "getent hosts", distro: "strata-glibc"},
	"glibc's path": {command: "/bin/getent hosts", distro: "strata-glibc"},
	"not glibc's": {
		command: "/usr/bin/getent hosts",
		want:    "starts /usr/bin/getent" + none + "name a program that is there: hello, node, text, tool",
	},
	"launcher": {command: "/cnb/process/web"},
	"on no PATH": {
		command: "run", app: map[string]string{"run": program},
		want: "starts run, which the image does not have on PATH; write ./run",
	},
	"PATH of a layer": {command: "tool"},
	"given":           {command: "bash -c x", env: config.Environment{"BP_LINKAGE_PROGRAMS": "tool, bash"}},
	"given file":      {command: "node data/server.js", env: config.Environment{"BP_LINKAGE_PROGRAMS": "data/server.js"}},
	// What run images lack on purpose.
	"shell": {
		command: "bash start.sh",
		want:    "starts bash, a shell, and run images have none; write the program that start.sh starts, with its arguments",
	},
	"shell's path": {
		command: "/bin/sh ./start.sh",
		want:    "starts /bin/sh, a shell, and run images have none; write the program that ./start.sh starts, with its arguments",
	},
	"shell's command": {
		command: "bash -lc hello|one",
		want:    "starts bash, a shell, and run images have none; write its command alone: hello one",
	},
	"shell alone": {
		command: "sh", want: "starts sh, a shell, and run images have none; write the program alone",
	},
	"builtin": {
		command: "source env hello",
		want: "starts with source, which only a shell has, and run images have none; " +
			"write the program alone; variables may stand before it: NAME=value program",
	},
	"manager": {
		command: "npm run migrate",
		want:    "starts npm, which is there for the build alone; write what it starts: node and a file of the app",
	},
	"shell of another": {
		command: "bash start.sh", distro: "debian", log: "starts bash, which may be in what cannot be looked at",
	},
	"shell of a stack of ours": {
		command: "bash start.sh", distro: "debian", env: config.Environment{"CNB_STACK_ID": "io.strata.stacks.static"},
		want: "starts bash, a shell, and run images have none; write the program that start.sh starts, with its arguments",
	},
	"text": {
		command: "hello|one", text: true,
		want: "is a text for /bin/bash, which the image does not have; take a version of the buildpack for the Buildpack API 0.9 or later, " +
			"or name /bin/bash in BP_LINKAGE_PROGRAMS if nobody starts this process",
	},
	"text, given":      {command: "hello", text: true, env: config.Environment{"BP_LINKAGE_PROGRAMS": "/bin/bash"}},
	"text for another": {command: "hello", text: true, distro: "debian", log: "starts /bin/bash, which may be in what cannot be looked at"},
	// Paths.
	"path": {command: "./tools/run", app: js},
	"path missing": {
		command: "./tools/rum", app: js, want: "starts ./tools/rum" + none + "write tools/run, which is there",
	},
	"binary of a layer": {
		command: "target/release/hello",
		want:    "starts target/release/hello" + none + "write hello, which is there",
	},
	"shell script": {
		command: "./start.sh", app: js,
		want: "starts ./start.sh, whose first line asks for /bin/sh, which the image does not have; " +
			"write the program that it starts, with its arguments",
	},
	"no shell script": {
		command: "./run.sh",
		want: "starts ./run.sh, a script for a shell, and run images have none; " +
			"write the program that it starts, with its arguments",
	},
	"env": {
		command: "./bin/www", app: js,
		want: "starts ./bin/www, whose first line asks for /usr/bin/env node, which the image does not have; " +
			"write node ./bin/www",
	},
	"env of another": {command: "./bin/www", app: js, distro: "debian", log: ""},
	"env of the image": {
		command: "./www", app: map[string]string{"www": "#!./env -S A=1 nod\n", "env": program},
		want: "starts ./www, whose first line asks for ./env -S A=1 nod, which the image does not have; start another program",
	},
	"interpreter": {
		command: "./www", app: map[string]string{"www": "#! <layers>/strata_go/targets/bin/node --x\n"},
	},
	"carriage return": {
		command: "./www", app: map[string]string{"www": "#!/bin/sh\r\n"},
		want: "starts ./www, whose first line ends with a carriage return; save it with the line ends of Unix",
	},
	"no program": {
		command: "<layers>/strata_go/targets/bin/text",
		want: "starts <layers>/strata_go/targets/bin/text, which is neither a program nor a script whose first line names an interpreter; " +
			"name a program",
	},
	"mode": {
		command: "./Makefile", app: js,
		want: "starts ./Makefile, which nobody may execute; " +
			"give it the mode: chmod +x ./Makefile, and with git: git update-index --chmod=+x ./Makefile",
	},
	"JavaScript": {
		command: "./server.js", app: js, want: "starts ./server.js, which is no program; write node ./server.js",
	},
	"folder":              {command: "./tools", app: js, want: "starts ./tools, which is a folder; name a program"},
	"working folder":      {command: "hello", app: js, dir: "<app>/tools"},
	"made working folder": {command: "hello", dir: "<app>/data", env: config.Environment{"BP_WRITABLE_FOLDERS": "data"}},
	"no working folder": {
		command: "hello", app: js, dir: "<app>/tool",
		want: "starts in the folder <app>/tool" + none + "see whether the build makes it",
	},
	"file as folder": {
		command: "hello", app: js, dir: "<app>/README",
		want: "starts in the folder <app>/README" + none + "see whether the build makes it",
	},
	"in the working folder alone": {
		command: "./run", app: js, dir: "<app>/tools",
		want: "starts ./run" + none + "write <app>/tools/run, which is there",
	},
	"name in the working folder": {
		command: "run", app: js, dir: "<app>/tools",
		want: "starts run, which the image does not have on PATH; write <app>/tools/run",
	},
	"absolute in the working folder": {command: "<app>/tools/run", app: js, dir: "<app>/tools"},
	"mounted folder":                 {command: "hello", app: js, dir: "/data"},
	"of a build's layer": {
		command: "<layers>/strata_go/tools/bin/go",
		want:    "starts <layers>/strata_go/tools/bin/go" + none + "name a program that is there: hello, node, text, tool",
	},
	// Links.
	"link": {
		command: "./a", app: js, links: map[string]string{"a": "b", "b": "<app>/tools/../tools/run"},
	},
	"link to layer": {command: "./a", links: map[string]string{"a": "<layers>/strata_go/targets/bin/hello"}},
	"hostile link": {
		command: "./a", links: map[string]string{"a": "/bin/sh"},
		want: "starts ./a" + none + "name a program that is there: hello, node, text, tool",
	},
	"out of the app": {
		command: "./a/b", links: map[string]string{"a": "../../../../../../../../etc"},
		want: "starts ./a/b" + none + "name a program that is there: hello, node, text, tool",
	},
	"link to itself": {
		command: "./a", links: map[string]string{"a": "a"},
		want: "starts ./a" + none + "name a program that is there: hello, node, text, tool",
	},
	// Files of interpreters.
	"file": {command: "node --enable-source-maps server.js --port 80", app: js},
	"file missing": {
		command: "node dist/missing.js", app: js,
		want: "starts node with the file dist/missing.js" + none + correct,
	},
	"file elsewhere": {
		command: "node dist/main.js", app: js,
		want: "starts node with the file dist/main.js" + none + "write dist/src/main.js, which is there",
	},
	"file elsewhere and in a package": {
		command: "node dist/main.js", app: map[string]string{"src/main.js": "", "node_modules/a/main.js": "", ".cache/main.js": ""},
		want: "starts node with the file dist/main.js" + none + "write src/main.js, which is there",
	},
	"file of two folders": {
		command: "node dist/main.js", app: map[string]string{"src/main.js": "", "lib/main.js": ""},
		want: "starts node with the file dist/main.js" + none + correct,
	},
	"file's case": {
		command: "node Server.js", app: js,
		want: "starts node with the file Server.js" + none + "write ./server.js, which is there",
	},
	"folder's case": {
		command: "node Dist/src/main", app: js,
		want: "starts node with the file Dist/src/main" + none + "write dist/src/main.js, which is there",
	},
	"behind a flag": {
		command: "node --enable-source-maps dist/missing.js", app: js,
		want: "starts node with the file dist/missing.js" + none + correct,
	},
	"without suffix": {command: "node ./server", app: js},
	"index":          {command: "node lib", app: js},
	"package.json":   {command: "node pkg", app: js},
	"current folder": {command: "node .", app: map[string]string{"package.json": "{}"}},
	"values":         {command: "node -r dotenv/config --title x -C prod server.js", app: js},
	"unknown value":  {command: "node --new-option x server.js", app: js},
	"preload": {
		command: "node --import ./tracing.mjs server.js", app: js,
		want: "starts node --import with the file ./tracing.mjs" + none + correct,
	},
	"hooked": {command: "node --import=tsx src/app", app: js},
	"environment": {
		command: "node --env-file=.env server.js", app: js,
		want: "starts node --env-file with the file .env" + none + "write --env-file-if-exists, or see why the file is not part of the app",
	},
	"inline":         {command: "node -e x", app: js},
	"standard input": {command: "node -", app: js},
	"in its folder":  {command: "node main.js", app: js, dir: "<app>/dist/src"},
	"in another": {
		command: "node server.js", app: js, dir: "<app>/dist",
		want: "starts node with the file server.js" + none + "write <app>/server.js, which is there",
	},
	"archive": {
		command: "node .yarn/cache/a.zip/node_modules/a/index.js", app: map[string]string{".yarn/cache/a.zip": ""},
	},
	"of the platform": {command: "node /data/server.js", app: js},
	"through a layer": {
		command: "node node_modules/a/b.js",
		links:   map[string]string{"node_modules": "<layers>/strata_node/reused/node_modules"}, reused: known,
	},
	"lost package": {
		command: "node node_modules/a/b.js",
		links:   map[string]string{"node_modules": "<layers>/strata_go/targets/x"},
		want:    "starts node with the file node_modules/a/b.js" + none + correct,
	},
	// What the launch helper runs.
	"list": {command: "<helper> run hello && node server.js ${PORT}", app: js},
	"in a list": {
		command: "<helper> run hello && nod server.js", app: js,
		want: "starts nod" + none + "write node, which is there",
	},
	"folder of a list": {command: "<helper> run hello && cd dist/src && node main.js", app: js},
	"no folder": {
		command: "<helper> run cd dst && node main.js", app: js,
		want: "starts in the folder <app>/dst" + none + "see whether the build makes it",
	},
	"path in a folder": {command: "<helper> run cd tools && ./run", app: js},
	"builtins":         {command: "<helper> run export A=1 && echo x ; hello"},
	"variable":         {command: "<helper> run ${PROGRAM} x && node ${FILE}"},
	"PATH in a list": {
		command: "<helper> run PATH=./tools run", app: js,
		log: "starts run, which may be in what cannot be looked at",
	},
	"exported PATH": {
		command: "<helper> run export PATH=./tools && run", app: js,
		log: "starts run, which may be in what cannot be looked at",
	},
	"reload": {
		command: "<helper> reload <app> -- node srver.js", app: js,
		want: "starts node with the file srver.js" + none + "write ./server.js, which is there",
	},
	"reload of nothing": {command: "<helper> reload <app>", app: js},
	"helper's own":      {command: "<helper> health-check"},
	"without a helper": {
		command: "<layers>/strata_launch-helper/helper/launch2 health-check",
		want: "starts <layers>/strata_launch-helper/helper/launch2" + none +
			"write <layers>/strata_launch-helper/helper/launch, which is there",
	},
	"helper without its layer": {
		command: "<helper> run hello && node server.js", app: js, alone: true,
		want: "starts <layers>/strata_launch-helper/helper/launch" + none + "name a program that is there: hello, node, text, tool",
	},
	// Layers of other suites.
	"of another suite": {
		command: "theirs", layers: map[string]string{"their_x/y.toml": "[types]\nlaunch = true\n", "their_x/y/bin/theirs": program},
	},
	"not of another suite": {
		command: "other", layers: map[string]string{"their_x/y.toml": "[types]\nlaunch = true\n", "their_x/y/bin/theirs": program},
		want: "starts other" + none + "name a program that is there: hello, node, text, theirs, tool",
	},
	"exec.d of another suite": {
		command: "other", layers: map[string]string{"their_x/y.toml": "[types]\nlaunch = true\n", "their_x/y/exec.d/set": program},
		log: "starts other, which may be in what cannot be looked at",
	},
	"exec.d of the suite": {
		command: "other", layers: map[string]string{"strata_x/y.toml": "[types]\nlaunch = true\n", "strata_x/y/exec.d/set": program},
		want: "starts other" + none + "name a program that is there: hello, node, text, tool",
	},
	"reused, of another suite": {
		command: "deno server.js", app: js, log: "starts deno, which may be in what cannot be looked at",
		layers: map[string]string{
			"their_x/y.toml": "[types]\nlaunch = true\n[metadata.contents]\nknown = true\nprograms = [\"deno\"]\n",
		},
	},
	// Layers of the previous image.
	"reused":      {command: "bun server.js", app: js, reused: known},
	"reused path": {command: "<layers>/strata_node/reused/bin/bun run ./server.js", app: js, reused: known},
	"reused PATH": {command: "run", app: js, reused: known},
	"not reused": {
		command: "deno server.js", app: js, reused: known,
		want: "starts deno" + none + "name a program that is there: bun, hello, node, run, text, tool",
	},
	"not reused path": {
		command: "<layers>/strata_node/reused/bin/deno", reused: known,
		want: "starts <layers>/strata_node/reused/bin/deno" + none + "name a program that is there: bun, hello, node, text, tool",
	},
	"reused, not told": {
		command: "deno server.js", app: js, reused: "[metadata]\n",
		log: "starts deno, which may be in what cannot be looked at",
	},
	"reused, no bun": {
		command: "bun srver.js", app: js, reused: known,
		want: "starts bun with the file srver.js" + none + "write ./server.js, which is there",
	},
	"packages' programs": {
		command: "tsc --watch", links: map[string]string{"node_modules": "<layers>/strata_node/reused/node_modules"},
		reused: packages, log: "starts tsc, which may be in what cannot be looked at",
	},
	"no package's program": {
		command: "bash x", links: map[string]string{"node_modules": "<layers>/strata_node/reused/node_modules"},
		reused: packages, want: "starts bash, a shell, and run images have none; write the program that x starts, with its arguments",
	},
	"bun's script":   {command: "bun run start", reused: known},
	"reused library": {command: "<layers>/strata_node/reused/lib/x", reused: known},
	"a shell, not known": {
		command: "bash start.sh", reused: "[metadata]\n",
		log: "starts bash, which may be in what cannot be looked at",
	},
}
