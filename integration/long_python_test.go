package integration

import (
	"path/filepath"
	"testing"

	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
)

// TestPythonForeign builds programs that other people wrote, each by its name in requirements.txt: the newest of all that it needs.
func TestPythonForeign(t *testing.T) {
	suite(t, nightly)
	t.Parallel()
	for _, one := range []foreign{
		{name: "kinto", path: "/v1/", want: `"project_name":"kinto"`, files: map[string]string{
			"requirements.txt": "kinto\nsetuptools<81\n", "Procfile": "web: kinto start --ini kinto.ini --port ${PORT:-8080}\n",
			"kinto.ini": kintoSettings,
		}},
		{name: "streamlit", path: "/", want: "<title>Streamlit</title>", files: map[string]string{
			"requirements.txt": "streamlit\n", "app.py": "import streamlit as st\n\nst.write('hello')\n",
		}},
	} {
		t.Run(one.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "app")
			kittest.Write(t, dir, one.files)
			one.check(t, dir)
		})
	}
}

// kintoSettings keep all of Kinto in memory.
const kintoSettings = `[server:main]
use = egg:waitress#main
host = 0.0.0.0
port = %(http_port)s
[app:main]
use = egg:kinto
kinto.storage_backend = kinto.core.storage.memory
kinto.cache_backend = kinto.core.cache.memory
kinto.permission_backend = kinto.core.permission.memory
kinto.userid_hmac_secret = x
multiauth.policies = basicauth
[loggers]
keys = root
[handlers]
keys = console
[formatters]
keys = generic
[logger_root]
level = INFO
handlers = console
[handler_console]
class = StreamHandler
args = (sys.stderr,)
level = NOTSET
formatter = generic
[formatter_generic]
format = %(message)s
`
