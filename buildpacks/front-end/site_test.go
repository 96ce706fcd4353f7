package frontend

import (
	"testing"

	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
	"github.com/strata-buildpacks/strata/buildpacks/node/project"
)

// TestExport decides how other paths are answered in sites that frameworks of servers export.
func TestExport(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		files      map[string]string
		want, push string
	}{
		"one page": {map[string]string{
			"package.json":           `{"scripts": {"build": "react-router build"}, "dependencies": {"@react-router/dev": "7"}}`,
			"react-router.config.ts": "export default { ssr: false }",
		}, "built by React Router, without a server", "true"},
		"a page for each path": {map[string]string{
			"package.json":   `{"scripts": {"build": "next build"}, "dependencies": {"next": "16"}}`,
			"next.config.js": "module.exports = {output: 'export'}",
		}, "built by Next.js, as an export", ""},
	} {
		dir := t.TempDir()
		kittest.Write(t, dir, tt.files)
		p, err := project.Find(dir, "")
		if err != nil {
			t.Fatal(err)
		}
		scripts, err := p.ChooseScripts(project.Asked{Names: []string{"build"}})
		if err != nil {
			t.Fatal(err)
		}
		if d, why := decideSite(app{p, settings{}, scripts}); d.Maker != tt.want || d.PushState != tt.push {
			t.Errorf("%s: %q (%s), push state %q; want %q, %q", name, d.Maker, why, d.PushState, tt.want, tt.push)
		}
	}
}
