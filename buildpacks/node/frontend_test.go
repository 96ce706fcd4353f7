package node

import (
	"testing"

	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
	"github.com/strata-buildpacks/strata/buildpacks/node/project"
)

func TestFrontEnd(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name      string
		manifest  string
		more      map[string]string
		tool, why string
	}{
		{"vite", `{"scripts": {"dev": "vite", "build": "vite build"}, "devDependencies": {"vite": "7"}}`, nil, "vite", ""},
		{"angular", `{"scripts": {"start": "ng serve", "build": "ng build"}, "devDependencies": {"@angular/cli": "20"}}`, nil, "@angular/cli", ""},
		{"create-react-app", `{"scripts": {"start": "react-scripts start", "build": "react-scripts build"}, "dependencies": {"react-scripts": "5"}}`, nil, "react-scripts", ""},
		{"vue", `{"scripts": {"build": "vue-cli-service build"}, "devDependencies": {"@vue/cli-service": "5"}}`, nil, "@vue/cli-service", ""},
		{"variables", `{"scripts": {"start": "cross-env PORT=3000 react-scripts start", "build": "react-scripts build"}, "dependencies": {"react-scripts": "5"}}`, nil, "react-scripts", ""},
		{"another script", `{"scripts": {"start": "npm run dev", "dev": "vite --host", "build": "vite build"}, "devDependencies": {"vite": "7"}}`, nil, "vite", ""},
		{"circle", `{"scripts": {"start": "npm run dev", "dev": "npm run x", "x": "npm run dev", "build": "vite build"}, "devDependencies": {"vite": "7"}}`, nil, "", "the script start starts a server"},
		{"no build", `{"scripts": {"dev": "vite"}, "devDependencies": {"vite": "7"}}`, nil, "", "no build script"},
		{"start", `{"scripts": {"start": "node dist/server.js", "build": "vite build"}, "devDependencies": {"vite": "7"}}`, nil, "", "the script start starts a server"},
		{"word", `{"scripts": {"start": "vite-node server.ts", "build": "vite build"}, "devDependencies": {"vite": "7"}}`, nil, "", "the script start starts a server"},
		{"main", `{"main": "index.cjs", "scripts": {"build": "vite build"}, "devDependencies": {"vite": "7"}}`, nil, "", "main is index.cjs"},
		{"file", `{"scripts": {"build": "vite build"}, "devDependencies": {"vite": "7"}}`, map[string]string{"server.js": ""}, "", "server.js found"},
		{"procfile", `{"scripts": {"build": "vite build"}, "devDependencies": {"vite": "7"}}`, map[string]string{"Procfile": "web: node x.js\n"}, "", "the Procfile starts a server"},
		{"adapter", `{"scripts": {"build": "vite build"}, "devDependencies": {"vite": "7", "@sveltejs/adapter-node": "5"}}`, nil, "", "the app has @sveltejs/adapter-node"},
		{"nuxt generate", `{"scripts": {"build": "nuxt generate"}, "dependencies": {"nuxt": "4"}}`, nil, "nuxt generate", ""},
		{"nuxt", `{"scripts": {"build": "nuxt build"}, "dependencies": {"nuxt": "4"}}`, nil, "", "the app has nuxt"},
		{"next", `{"scripts": {"start": "next start", "build": "next build"}, "dependencies": {"next": "16"}}`, map[string]string{"next.config.mjs": "export default {output: 'standalone'}"}, "", "the script start starts a server"},
		{"next export", `{"scripts": {"start": "next start", "build": "next build"}, "dependencies": {"next": "16"}}`, map[string]string{"next.config.ts": "export default {\n  output: 'export',\n}"}, "Next.js, as an export", ""},
		{"react router", `{"scripts": {"build": "react-router build"}, "dependencies": {"@react-router/node": "7"}, "devDependencies": {"@react-router/dev": "7", "vite": "7"}}`, map[string]string{"react-router.config.ts": "export default {ssr: true}"}, "", "the app has @react-router/node"},
		{"react router without a server", `{"scripts": {"build": "react-router build"}, "dependencies": {"@react-router/node": "7"}, "devDependencies": {"@react-router/dev": "7", "vite": "7"}}`, map[string]string{"react-router.config.ts": "export default { ssr: false } satisfies Config"}, "React Router, without a server", ""},
		{"compiler", `{"scripts": {"build": "tsc"}, "devDependencies": {"typescript": "5"}}`, nil, "", "no package that makes files for browsers"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			app := t.TempDir()
			kittest.Write(t, app, map[string]string{project.ManifestFile: tt.manifest})
			kittest.Write(t, app, tt.more)
			d := decision{settings: settings{Scripts: []string{"build"}}}
			var err error
			if d.Project, err = project.Find(app, ""); err != nil {
				t.Fatal(err)
			}
			tool, why := d.frontEnd(bp.DetectContext{Workspace: bp.Workspace{AppDir: app}})
			if tool != tt.tool || why != tt.why {
				t.Errorf("got %q, %q, want %q, %q", tool, why, tt.tool, tt.why)
			}
		})
	}
}
