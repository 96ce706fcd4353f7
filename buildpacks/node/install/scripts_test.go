package install_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/strata-buildpacks/strata/buildpacks/kit/config"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
	"github.com/strata-buildpacks/strata/buildpacks/node/install"
)

// runs makes a package whose script of an event a package manager runs as npm does.
func runs(name, event, script, variables string) string {
	dir := "node_modules/" + name
	return "mkdir -p " + dir + ` && printf '%s' '{"scripts": {"` + event + `": "` + script + `"}}' >` + dir + "/package.json && (cd " + dir +
		" && npm_lifecycle_event=" + event + " " + variables + ` "$npm_config_script_shell" -c '` + script + "')\n"
}

// TestScripts runs again, where the app is, the scripts that a package manager ran without it.
func TestScripts(t *testing.T) {
	t.Parallel()
	b := newBench(t, files{
		"package.json": `{"dependencies": {"a": "1"}}`, "package-lock.json": `{"lockfileVersion": 3}`, "schema.txt": "the app's", "server.js": "",
	}, "set -e\n"+runs("b", "postinstall", "true", "")+
		runs("reads", "postinstall", "cat ../../schema.txt >out.txt", "")+ // fails: there is no app
		runs("@s/early", "preinstall", "true", "")+
		"mkdir -p node_modules/addon/deps && touch node_modules/addon/deps/binding.gyp\n"+runs("addon", "install", "true", "")+
		"(cd /tmp && npm_lifecycle_event=postinstall \"$npm_config_script_shell\" -c true)\n")
	scripts, err := b.Scripts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := []install.Script{
		{Dir: "node_modules/@s/early", Event: "preinstall"}, {Dir: "node_modules/b", Event: "postinstall"},
		{Dir: "node_modules/reads", Event: "postinstall"},
	}
	if diff := cmp.Diff(want, scripts); diff != "" {
		t.Fatalf("the scripts that run again (-want +got):\n%s", diff)
	}
	kittest.Write(t, b.app, files{
		"node_modules/reads/package.json":  `{"name": "reads", "scripts": {"postinstall": "cat $INIT_CWD/schema.txt >$npm_package_name.txt"}}`,
		"node_modules/b/package.json":      `{"name": "b", "scripts": {"postinstall": "helper"}}`,
		"node_modules/.bin/helper":         "#!/bin/sh\necho helped >out.txt\n",
		"node_modules/@s/early/index.html": "",
	})
	if err := os.Chmod(filepath.Join(b.app, "node_modules/.bin/helper"), 0o755); err != nil {
		t.Fatal(err)
	}
	env := config.FromProcess().Only("PATH")
	for _, s := range scripts {
		if err := b.RunScript(t.Context(), s, env); err != nil {
			t.Fatal(err)
		}
	}
	got := kittest.Files(t, b.app)
	if got["node_modules/reads/reads.txt"] != "the app's" || got["node_modules/b/out.txt"] != "helped\n" {
		t.Errorf("scripts made %q", got)
	}
	kittest.Write(t, b.app, files{
		"node_modules/b/package.json": `{"scripts": {"postinstall": "echo getaddrinfo ENOTFOUND binaries.prisma.sh; exit 3"}}`,
	})
	err = b.RunScript(t.Context(), want[1], env)
	if f := (fault.Fault{}); !errors.As(err, &f) || !strings.Contains(f.Error(), "binaries.prisma.sh") ||
		!strings.Contains(f.Error(), "PRISMA_ENGINES_MIRROR") {
		t.Errorf("%v, want the host and the variable", err)
	}
}

// TestScriptsThatCount end an install: those that compile, those of packages that may be missing, and those that do not run again.
func TestScriptsThatCount(t *testing.T) {
	t.Parallel()
	for name, script := range map[string]string{
		"compiles":  runs("a", "install", "false || node-gyp rebuild", "PATH=/bin:/usr/bin"),
		"optional":  runs("a", "postinstall", "exit 5", "npm_package_optional=1"),
		"from git":  runs("a", "prepare", "exit 5", ""),
		"elsewhere": "cd $HOME && " + runs("a", "postinstall", "exit 5", ""),
	} {
		b := newBench(t, files{"package.json": `{"dependencies": {"a": "1"}}`, "package-lock.json": `{"lockfileVersion": 3}`}, script)
		if _, err := b.All(t.Context()); err == nil {
			t.Errorf("%s: the install went on", name)
		}
	}
}

// TestScriptsOfYarn finds the scripts that Yarn 1 runs, unless it is told to run none.
func TestScriptsOfYarn(t *testing.T) {
	t.Parallel()
	const installs = "mkdir -p node_modules/a/node_modules/@s/b node_modules/a/test/c node_modules/addon\n" +
		`for d in a a/node_modules/@s/b a/test/c addon` +
		`; do echo '{"scripts": {"postinstall": "x", "test": "y"}}' >node_modules/$d/package.json; done` +
		"\ntouch node_modules/addon/binding.gyp"
	all := []install.Script{{Dir: "node_modules/a", Event: "postinstall"}, {Dir: "node_modules/a/node_modules/@s/b", Event: "postinstall"}}
	for settings, want := range map[string][]install.Script{
		"": all, "ignore-scripts true\n": nil, "\"ignore-scripts\" \"true\"\r\n": nil, "--install.ignore-scripts true": nil,
		"ignore-scripts false\n": all, "# ignore-scripts true\n": all, "a \"ignore-scripts true\"\n": all, "ignore-scripts-of-x true\n": all,
		"ignore-scripts true\nignore-scripts \"false\"\n": all,
	} {
		b := newBench(t, files{
			"package.json": `{"packageManager": "yarn@1.22.22", "dependencies": {"a": "1"}}`, "yarn.lock": "a@1:\n", ".yarnrc": settings,
		}, installs)
		got, err := b.Scripts(t.Context())
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("with %q (-want +got):\n%s%v", settings, diff, err)
		}
	}
}

// TestScriptVariables has a package manager that passes no variable on whose name begins with npm, as pnpm 11: node-gyp and node-pre-gyp
// are told all the same.
func TestScriptVariables(t *testing.T) {
	t.Parallel()
	told := filepath.Join(t.TempDir(), "told")
	b := newBench(t, files{"package.json": `{"packageManager": "pnpm@11.1.2", "dependencies": {"a": "1"}}`}, makesA+` && cd node_modules/a &&
		env -u npm_config_build_from_source npm_lifecycle_event=install "$pnpm_config_script_shell" -c '
			echo "$npm_config_build_from_source" >>`+told+`'`)
	if _, err := b.All(t.Context()); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(told)
	if err != nil || string(data) != "true\n" {
		t.Errorf("a script is told %q, %v", data, err)
	}
}
