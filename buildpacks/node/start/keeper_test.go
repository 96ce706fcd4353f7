package start_test

import (
	"fmt"
	"strings"
	"testing"
)

// TestKeeper starts what programs keep running that start it in the background.
func TestKeeper(t *testing.T) {
	t.Parallel()
	const one = `module.exports = {
	// one app
	apps: [{
		name: 'api', script: './server.js', args: '--port 1', instances: 'max', exec_mode: "cluster", /* all
		processors */ env: { NODE_ENV: 'production', URL: "http://x/y", N: 1 }, env_test: { N: 2 },
		node_args: ['-r', './x.js'], watch: false,
	}],
}; // end
`
	for _, tt := range []struct{ line, file, want, fault string }{
		{"pm2 start server.js", "", "server.js", ""},
		{"A=1 pm2 start ./server.js --name api -i max --no-daemon -- --port 1", "", "A=1 ./server.js --port 1", ""},
		{"npx pm2-runtime start -i=2 server.js --node-args='-r ./x.js'", "", "-r ./x.js server.js", ""},
		{"pm2-runtime server --time", "", "server", ""},
		{"pm2 start server.js x.js", "", "", "which names more than a file; "},
		{"forever server.js --port 1", "", "server.js --port 1", ""},
		{"pm2 start npm --name api -- start:x", "", "", "write it as node and a file"},
		{"pm2 start npm -- run x", "", "x.js", ""},
		{"pm2-runtime 'npm run x'", "", "", "write it as node and a file"},
		{"forever start -m 5 -l log server.js", "", "server.js", ""},
		{"cd sub && pm2 start server.js", "", "in sub: server.js", ""},
		{"tsc && pm2 start server.js", "", "server.js [tsc: tsc]", ""},
		{"pm2 start", "", "", "which names no file; start the file with node"},
		{"pm2 start server.py --interpreter python3", "", "", "whose option --interpreter is not read here; "},
		{"pm2 start run.sh", "", "", "which needs a shell"},
		{"pm2 start pm2.json", "", "", "and there is no file pm2.json; name a file that is there"},
		{"pm2 start", "", "", "names no file"},
		{"forever -w --watchDirectory . --uid app server.js", "", "server.js", ""},
		{"pm2 start --unheard of server.js", "", "", "whose option --unheard is not known here; start the file with node"},
		{"pm2 start ecosystem.config.js", `module.exports = {apps: [{script: "pm2", args: "start ecosystem.config.js"}]}`, "",
			"which starts pm2 again; write a Procfile"},

		{"pm2 start ecosystem.config.js", one, "N=1 NODE_ENV=production URL=http://x/y -r ./x.js ./server.js --port 1", ""},
		{"B=1 pm2-runtime ecosystem.config.js --env test", one,
			"B=1 N=2 NODE_ENV=production URL=http://x/y -r ./x.js ./server.js --port 1", ""},
		{"pm2 start ecosystem.config.js", `export default { apps: [ { script: "npm", args: "run x" } ] }`, "x.js", ""},
		{"pm2 start ecosystem.config.js", `module.exports={apps:[{"script":"server.js",cwd:"./sub"}]}`, "in sub: server.js", ""},
		{"pm2 start ecosystem.config.js", `const path = require('path')
module.exports = {apps: [{script: 'server.js', cwd: __dirname, env: {A: 'a // b'}}]}`, "A=a // b server.js", ""},
		{"pm2 start ecosystem.config.js", `module.exports = {apps: [{script: 'server.js', env: {PORT: process.env.PORT || 80}}]}`, "",
			`ecosystem.config.js: the app  is "server.js", and process.env.PORT || 80 is not plain text; write a Procfile`},
		{"pm2 start ecosystem.config.js", `module.exports = {apps: [{script: 'a.js'}, {script: 'b.js'}]}`, "",
			"and ecosystem.config.js has 2 apps; write a Procfile with a line for each, one of them as web"},
		{"pm2 start ecosystem.config.js", `module.exports = make()`, "", "and ecosystem.config.js is no list of texts; write a Procfile"},
		{"pm2 start ecosystem.config.js", `module.exports = {apps: [{script: 'x.py', interpreter: 'python3'}]}`, "",
			"which node does not run; write a Procfile"},
		{"pm2 start ecosystem.config.js", `module.exports = {apps: [{name: 'x'}]}`, "", "which node does not run; write a Procfile"},
	} {
		content := files{"package.json": `{"scripts": {"start": "` + tt.line + `", "x": "node x.js"}}`,
			"server.js": "", "x.js": "", "sub/server.js": "", "run.sh": "node server.js\n"}
		if tt.file != "" {
			content["ecosystem.config.js"] = tt.file
		}
		got, err := app(t, content).Choose()
		if told(got) != tt.want || (err == nil) != (tt.fault == "") || !strings.Contains(fmt.Sprint(err), tt.fault) {
			t.Errorf("%s with %s: it starts %q, %v; want %q%s", tt.line, tt.file, told(got), err, tt.want, tt.fault)
		}
	}
}
