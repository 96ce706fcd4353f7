package node

import (
	"maps"
	"strings"
	"testing"

	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
	"github.com/strata-buildpacks/strata/buildpacks/kit/lock"
	"github.com/strata-buildpacks/strata/buildpacks/node/project"
)

// TestChooseNode has each place that asks for a release, in the forms that people write, and the order of the places.
func TestChooseNode(t *testing.T) {
	t.Parallel()
	l, err := lock.Read(lockFile)
	if err != nil {
		t.Fatal(err)
	}
	line := func(major string) string {
		newest, _ := l.Newest(nodeID, "amd64", func(v string) bool { return strings.HasPrefix(v, major+".") })
		return newest.Version
	}
	lts := l.Default[nodeID]
	type app = map[string]string
	engines := func(text string) app { return app{"web/package.json": `{"engines": {"node": ` + text + `}}`} }
	for _, tt := range []struct {
		app           app
		version, from string
	}{
		{app{}, lts, "default, the newest release with long-term support"},
		{engines(`22`), line("22"), "engines.node of package.json is 22"},
		{engines(`"20.x || 18.x"`), line("20"), "engines.node of package.json is 20.x || 18.x"},
		{engines(`">= 18"`), lts, "engines.node of package.json is >= 18"},
		{engines(`["22"]`), lts, "default, the newest release with long-term support"},
		{app{"package.json": `{"engines": {"node": "18"}, "workspaces": ["web"]}`}, line("18"), "engines.node of the root's package.json is 18"},
		{app{"web/package.json": `{"devEngines": {"runtime": {"name": "node", "version": "^22"}}}`}, line("22"),
			"devEngines.runtime of package.json is ^22"},
		{app{"web/package.json": `{"devEngines": {"runtime": {"name": "bun", "version": "1"}}}`}, lts,
			"default, the newest release with long-term support"},
		{app{"web/.nvmrc": "v20.11.0\r\n"}, "20.11.0", ".nvmrc"},
		{app{"web/.nvmrc": "lts/*\n"}, lts, ".nvmrc is lts/*"},
		{app{".nvmrc": "# ours\nlts/Jod # until 2027\n"}, line("22"), ".nvmrc is lts/Jod"},
		{app{".nvmrc": "lts/-1\n"}, line("22"), ".nvmrc is lts/-1"},
		{app{".nvmrc": "22\n"}, line("22"), ".nvmrc is 22"},
		{app{".node-version": "v22\n"}, line("22"), ".node-version is v22"},
		{app{".tool-versions": "python 3.13.0\nnodejs 20.11.0\n"}, "20.11.0", "nodejs of .tool-versions"},
		{app{"mise.toml": "[tools]\nnode = 'lts-jod'\n"}, line("22"), "node of mise.toml is lts-jod"},
		{app{"mise.toml": "[tools]\nnode = ['20', '18']\n"}, line("20"), "node of mise.toml is 20"},
		{app{"web/package.json": `{"volta": {"node": "20.11.0"}}`}, "20.11.0", "volta.node of package.json"},
		{app{"web/package.json": `{"volta": {"extends": "../package.json"}}`,
			"package.json": `{"volta": {"node": "20.11.0"}, "workspaces": ["web"]}`}, "20.11.0", "volta.node of the root's package.json"},
		{app{".nvmrc": "22", ".node-version": "20", "mise.toml": "[tools]\nnode = '18'\n"}, line("22"), ".nvmrc is 22"},
		{app{".node-version": "20", "mise.toml": "[tools]\nnode = '18'\n"}, line("20"), ".node-version is 20"},
		{app{"mise.toml": "[tools]\nnode = '18'\n", "web/package.json": `{"volta": {"node": "22.11.0"}}`}, line("18"),
			"node of mise.toml is 18"},
		{app{"web/.nvmrc": "20", ".nvmrc": "22"}, line("20"), ".nvmrc is 20"},
	} {
		files := app{"web/package.json": "{}"}
		maps.Copy(files, tt.app)
		dir := t.TempDir()
		kittest.Write(t, dir, files)
		p := Plan{lock: l, arch: "x64"}
		if p.Project, err = project.Find(dir, "web"); err != nil {
			t.Fatal(err)
		}
		if got, _, err := p.chooseNode(); err != nil || got.Version != tt.version || got.Reason != tt.from {
			t.Errorf("%v: got %+v, %v, want %s, %s", tt.app, got, err, tt.version, tt.from)
		}
	}
}
