package framework_test

import (
	"strings"
	"testing"

	"github.com/strata-buildpacks/strata/buildpacks/node/framework"
)

func TestServes(t *testing.T) {
	t.Parallel()
	for command, want := range map[string]framework.Files{
		"serve -s dist": {"dist", true}, "serve": {}, "serve build --single -l $PORT": {"build", true},
		"serve -l tcp://0.0.0.0:$PORT public": {"public", false}, "npx -y serve out": {"out", false},
		"serve -p 3000 --no-clipboard out":        {"out", false},
		"http-server ./dist -p $PORT -c-1 --gzip": {"./dist", false}, "http-server -p 8080": {},
		"sirv build --single --host 0.0.0.0":                   {"build", true},
		"live-server --port=8080 --entry-file=index.html dist": {"dist", true}, "lite-server --baseDir=app": {"app", false},
	} {
		if got, ok := framework.Serves(strings.Fields(command)); !ok || got != want {
			t.Errorf("%s: %v, %v, want %v", command, got, ok, want)
		}
	}
	for _, command := range []string{
		"", "node server.js", "serve -c serve.json", "http-server dist --proxy http://api", "serve a b", "server dist",
		"live-server --proxy=/api:x", "npx",
	} {
		if got, ok := framework.Serves(strings.Fields(command)); ok {
			t.Errorf("%s: %v, want no server of files", command, got)
		}
	}
}
