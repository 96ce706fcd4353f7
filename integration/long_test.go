package integration

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
)

// foreign is a program that was not written for us.
type foreign struct {
	name  string
	app   string            // module@version of a Go program
	files map[string]string // of an app of Node.js
	flags []string
	path  string   // asked over HTTP; when it is empty, the program's output counts
	args  []string // of strata run; PORT is replaced
	want  string   // that the answer has, or the output
}

// TestGoForeign builds programs in Go as their modules have them. The checksum database vouches for them.
func TestGoForeign(t *testing.T) {
	suite(t, nightly)
	t.Parallel()
	version := func(name, module, want string, flags ...string) foreign {
		return foreign{name: name, app: module, flags: flags, args: []string{"--", "--version"}, want: want}
	}
	for _, one := range []foreign{
		version("yq", "github.com/mikefarah/yq/v4@v4.47.1", "yq"),
		version("scc", "github.com/boyter/scc/v3@v3.5.0", "scc version"),
		version("fzf", "github.com/junegunn/fzf@v0.65.0", "0.65"),
		version("task", "github.com/go-task/task/v3@v3.44.1", "3.44"),
		version("croc", "github.com/schollz/croc/v10@v10.7.0", "croc"),
		version("glow", "github.com/charmbracelet/glow/v2@v2.1.1", "glow"),
		version("shfmt", "mvdan.cc/sh/v3@v3.12.0", "devel", "-e", "BP_GO_TARGETS=./cmd/shfmt"),
		version("age", "filippo.io/age@v1.2.1", "(devel)"),
		version("nats-server", "github.com/nats-io/nats-server/v2@v2.11.8", "nats-server"),
		version("pushgateway", "github.com/prometheus/pushgateway@v1.11.1", "pushgateway, version"),
		version("statsd exporter", "github.com/prometheus/statsd_exporter@v0.28.0", "statsd_exporter, version"),
		{name: "restic", app: "github.com/restic/restic@v0.18.0", args: []string{"--", "version"}, want: "restic"},
		version("chisel", "github.com/jpillora/chisel@v1.10.1", "0.0.0-src"),
		version("vegeta", "github.com/tsenart/vegeta/v12@v12.12.0", "Runtime: go"),
		version("consul-template", "github.com/hashicorp/consul-template@v0.41.1", "consul-template"),
		version("oauth2-proxy", "github.com/oauth2-proxy/oauth2-proxy/v7@v7.15.6", "oauth2-proxy"),
		version("nfpm", "github.com/goreleaser/nfpm/v2@v2.43.1", "nfpm"),
		version("dive", "github.com/wagoodman/dive@v0.13.1", "dive"),
		{name: "ko", app: "github.com/google/ko@v0.18.0", args: []string{"--", "version"}, want: "(devel)"},
		{name: "kustomize", app: "sigs.k8s.io/kustomize/kustomize/v5@v5.7.1", args: []string{"--", "version"}, want: "(devel)"},
		{
			name: "blackbox exporter", app: "github.com/prometheus/blackbox_exporter@v0.27.0", flags: []string{"-e", "BP_KEEP_FILES=blackbox.yml"},
			path: "/metrics", args: []string{"--", "--web.listen-address=:PORT"}, want: "blackbox_exporter_config_last_reload_successful 1",
		},
		{
			name: "caddy", app: "github.com/caddyserver/caddy/v2@v2.10.2", path: "/", want: "Hello from Caddy",
			args: []string{"--", "respond", "--listen", ":PORT", "Hello from Caddy"},
		},
	} {
		t.Run(one.name, func(t *testing.T) { one.check(t, module(t, one.app)) })
	}
}

// TestNodeForeign builds apps on packages that most people's apps have, without a lockfile: the newest of all that they need.
func TestNodeForeign(t *testing.T) {
	suite(t, nightly)
	t.Parallel()
	app := func(name, dependencies, server string, flags ...string) foreign {
		return foreign{
			name: name, path: "/", want: "Hello from " + name, flags: flags, files: map[string]string{
				"package.json": manifest(`, "dependencies": {` + dependencies + `}`),
				"server.js":    strings.ReplaceAll(server, "TEXT", "'Hello from "+name+"'"),
			},
		}
	}
	program := func(name, dependencies, start, path, want string) foreign {
		return foreign{name: name, path: path, want: want, files: map[string]string{
			"package.json": manifest(`, "dependencies": {` + dependencies + `}, "scripts": {"start": "` + start + `"}`),
			"data.json":    `{"posts": [{"id": "1", "title": "first"}]}`,
			"api.yaml": "openapi: 3.0.0\ninfo: {title: t, version: '1'}\npaths:\n  /hello:\n    get:\n      responses:\n        '200':\n" +
				"          description: d\n          content: {application/json: {example: {text: mocked}}}\n",
		}}
	}
	plain := func(text string) string { return nodeServer(text) }
	for _, one := range []foreign{
		app("express", `"express": "5"`, `require('express')().get('/', (q, a) => a.send(TEXT)).listen(process.env.PORT)`),
		app("pug", `"express": "4", "pug": "3"`, `
			const a = require('express')();
			a.get('/', (q, r) => r.send(require('pug').render('p= t', {t: TEXT})));
			a.listen(process.env.PORT)`),
		app("fastify", `"fastify": "5"`, `
			const f = require('fastify')();
			f.get('/', async () => TEXT);
			f.listen({port: process.env.PORT, host: '0.0.0.0'})`),
		app("koa", `"koa": "3"`, `const k = new (require('koa'))(); k.use(c => { c.body = TEXT }); k.listen(process.env.PORT)`),
		app("hapi", `"@hapi/hapi": "21"`, `
			const s = require('@hapi/hapi').server({port: process.env.PORT});
			s.route({method: 'GET', path: '/', handler: () => TEXT});
			s.start()`),
		app("polka", `"polka": "0.5"`, `require('polka')().get('/', (q, a) => a.end(TEXT)).listen(process.env.PORT)`),
		app("hono", `"hono": "4", "@hono/node-server": "1"`,
			`const h = new (require('hono').Hono)(); h.get('/', c => c.text(TEXT))
				require('@hono/node-server').serve({fetch: h.fetch, port: +process.env.PORT})`),
		app("graphql", `"graphql": "16"`, `const g = require('graphql'); const s = g.buildSchema('type Query { t: String }'); `+plain(
			`JSON.stringify(g.graphqlSync({schema: s, source: '{t}', rootValue: {t: TEXT}}))`)),
		app("ws", `"ws": "8"`, `
			const {WebSocketServer} = require('ws');
			const s = require('http').createServer((q, a) => a.end(TEXT));
			new WebSocketServer({server: s});
			s.listen(process.env.PORT)`),
		app("socket.io", `"socket.io": "4"`, `
			const s = require('http').createServer((q, a) => a.end(TEXT));
			new (require('socket.io').Server)(s);
			s.listen(process.env.PORT)`),
		app("ejs", `"ejs": "3"`, plain(`require('ejs').render('<%= t %>', {t: TEXT})`)),
		app("lodash", `"lodash": "4"`, plain(`require('lodash').join([TEXT])`)),
		app("better-sqlite3", `"better-sqlite3": "12"`,
			`const d = new (require('better-sqlite3'))(':memory:'); `+plain(`d.prepare('select ? as t').get(TEXT).t`)),
		app("bcrypt", `"bcrypt": "6"`, plain(`require('bcrypt').compareSync('a', require('bcrypt').hashSync('a', 4)) && TEXT`)),
		app("argon2", `"argon2": "0.44"`, `const h = require('argon2').hash('a'); `+plain(`h && TEXT`)),
		app("sharp", `"sharp": "0.34"`, plain(`require('sharp').versions.vips && TEXT`)),
		app("ssh2", `"ssh2": "1"`, plain(`new (require('ssh2').Client)() && TEXT`)),
		app("pino", `"pino": "9"`, `const log = require('pino')(); `+plain(`(log.info('asked'), TEXT)`)),
		app("zod", `"zod": "4"`, plain(`require('zod').z.string().parse(TEXT)`)),
		app("axios", `"axios": "1"`, plain(`require('axios').VERSION && TEXT`)),
		program("json-server", `"json-server": "0.17"`, "json-server --host 0.0.0.0 --port $PORT data.json", "/posts/1", "first"),
		program("prism", `"@stoplight/prism-cli": "5"`, "prism mock -m false -h 0.0.0.0 -p $PORT api.yaml", "/hello", "mocked"),
		program("peer", `"peer": "1"`, "peerjs --port $PORT", "/", "PeerJS"),
	} {
		t.Run(one.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "app")
			kittest.Write(t, dir, one.files)
			one.check(t, dir)
		})
	}
}

func (f foreign) check(t *testing.T, app string) {
	t.Helper()
	name := image(t)
	got := strata(t, append([]string{"build", app, "-t", name}, f.flags...)...)
	switch {
	case f.want == "":
		t.Error("any answer would do")
	case got.status != 0:
		t.Errorf("status %d:\n%s", got.status, got.stderr)
	case f.path != "":
		if body := ask(t, name, f.path, f.args...); !strings.Contains(body, f.want) {
			t.Errorf("%s answers %q, want %q", f.path, body, f.want)
		}
	default:
		if o := strata(t, append([]string{"run", name}, f.args...)...); o.status != 0 || !strings.Contains(o.stdout+o.stderr, f.want) {
			t.Errorf("status %d, want 0 and %q:\n%s%s", o.status, f.want, o.stdout, o.stderr)
		}
	}
}
