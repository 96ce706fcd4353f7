package node

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/strata-buildpacks/strata/buildpacks/kit/command"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
	"github.com/strata-buildpacks/strata/buildpacks/kit/sbom"
	"github.com/strata-buildpacks/strata/buildpacks/node/project"
)

// TestCopyModules has one folder per way that package managers lay packages out.
func TestCopyModules(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		app   map[string]string // the app's own packages
		found map[string]string // what is installed
		links map[string]string // in it; APP stands for the app's folder
		start string
		want  []string // "name" or "name -> target"
	}{
		{
			name: "hoisted",
			app:  map[string]string{"package.json": `{"dependencies": {"a": "1", "gone": "1"}, "devDependencies": {"d": "1"}}`},
			found: map[string]string{
				"node_modules/a/package.json":                     `{"dependencies": {"b": "1"}, "peerDependencies": {"p": "1"}, "optionalDependencies": {"mac": "1", "musl": "1"}}`,
				"node_modules/a/cli.js":                           "",
				"node_modules/a/prebuilds/linux-x64/a.node":       "",
				"node_modules/a/prebuilds/linux-x64/a.musl.node":  "",
				"node_modules/a/prebuilds/darwin-x64/a.node":      "",
				"node_modules/a/prebuilds/linux-arm64/a.node":     "",
				"node_modules/p/binding.gyp":                      "",
				"node_modules/p/src/p.cc":                         "",
				"node_modules/p/build/Makefile":                   "",
				"node_modules/p/build/config.gypi":                "",
				"node_modules/p/build/node_gyp_bins/python3":      "",
				"node_modules/p/build/Release/p.node":             "",
				"node_modules/p/build/Release/obj/gen/p.js":       "",
				"node_modules/p/build/Release/obj.target/p.node":  "",
				"node_modules/p/build/Release/.deps/p.node.d":     "",
				"node_modules/p/build-tmp-napi-v3/Release/p.node": "",
				"node_modules/p/lib/obj/p.js":                     "",
				"node_modules/a/no-addon.cc":                      "",
				"node_modules/a/node_modules/b/package.json":      `{"name": "b", "version": "2.0.0"}`,
				"node_modules/a/node_modules/d/package.json":      `{}`,
				"node_modules/b/package.json":                     `{"name": "b", "version": "1.0.0"}`,
				"node_modules/p/package.json":                     `{"bundleDependencies": ["q"]}`,
				"node_modules/p/node_modules/q/package.json":      `{}`,
				"node_modules/d/package.json":                     `{}`,
				"node_modules/mac/package.json":                   `{"os": ["darwin"]}`,
				"node_modules/musl/package.json":                  `{"os": ["linux"], "cpu": "x64", "libc": ["musl"]}`,
				"node_modules/.cache/a":                           "",
				"node_modules/.package-lock.json":                 "",
				"node_modules/@scope/other/package.json":          `{}`,
			},
			links: map[string]string{"node_modules/.bin/a": "../a/cli.js", "node_modules/.bin/d": "../d/cli.js", "node_modules/.bin/lost": "../a/lost.js"},
			start: ".",
			want: []string{
				"node_modules/.bin/a -> ../a/cli.js", "node_modules/a/cli.js", "node_modules/a/no-addon.cc", "node_modules/a/node_modules/b/package.json", "node_modules/a/package.json",
				"node_modules/a/prebuilds/linux-x64/a.node", "node_modules/p/build/Release/p.node", "node_modules/p/lib/obj/p.js",
				"node_modules/p/node_modules/q/package.json", "node_modules/p/package.json",
			},
		},
		{
			name: "store and workspaces",
			app: map[string]string{
				"package.json":            `{"dependencies": {"root": "1"}}`,
				"apps/web/package.json":   `{"dependencies": {"lib": "workspace:*"}, "devDependencies": {"d": "1"}}`,
				"libs/lib/package.json":   `{"dependencies": {"@s/a": "1"}}`,
				"libs/other/package.json": `{}`,
			},
			found: map[string]string{
				"node_modules/.pnpm/@s+a@1/node_modules/@s/a/package.json": `{"dependencies": {"b": "1"}}`,
				"node_modules/.pnpm/b@1/node_modules/b/package.json":       `{}`,
				"node_modules/.pnpm/c@1/node_modules/c/package.json":       `{}`,
				"node_modules/.pnpm/d@1/node_modules/d/package.json":       `{}`,
				"node_modules/.pnpm/lock.yaml":                             "",
				"node_modules/.modules.yaml":                               "",
				"apps/web/node_modules/.bin/shim":                          "#!/bin/sh",
			},
			links: map[string]string{
				"apps/web/node_modules/lib":                "APP/libs/lib",
				"apps/web/node_modules/d":                  "../../../node_modules/.pnpm/d@1/node_modules/d",
				"libs/lib/node_modules/@s/a":               "../../../../node_modules/.pnpm/@s+a@1/node_modules/@s/a",
				"node_modules/.pnpm/@s+a@1/node_modules/b": "../../b@1/node_modules/b",
				"node_modules/.pnpm/@s+a@1/node_modules/c": "../../c@1/node_modules/c", // an extension, which a does not declare
				"node_modules/.pnpm/d@1/node_modules/b":    "../../b@1/node_modules/b",
				"node_modules/.pnpm/node_modules/b":        "../b@1/node_modules/b",
				"node_modules/.pnpm/node_modules/d":        "../d@1/node_modules/d",
				"node_modules/.pnpm/node_modules/other":    "APP/libs/other",
			},
			start: "apps/web",
			want: []string{
				"apps/web/node_modules/lib -> APP/libs/lib",
				"libs/lib/node_modules/@s/a -> ../../../../node_modules/.pnpm/@s+a@1/node_modules/@s/a",
				"node_modules/.pnpm/@s+a@1/node_modules/@s/a/package.json",
				"node_modules/.pnpm/@s+a@1/node_modules/b -> ../../b@1/node_modules/b",
				"node_modules/.pnpm/@s+a@1/node_modules/c -> ../../c@1/node_modules/c",
				"node_modules/.pnpm/b@1/node_modules/b/package.json",
				"node_modules/.pnpm/c@1/node_modules/c/package.json",
				"node_modules/.pnpm/node_modules/b -> ../b@1/node_modules/b",
			},
		},
		{
			name: "folders of a package's own",
			app:  map[string]string{"package.json": `{"dependencies": {"a": "1"}}`},
			found: map[string]string{
				"node_modules/a/package.json":                  `{}`,
				"node_modules/a/node_modules/b/package.json":   `{}`, // nothing asks for it
				"node_modules/a/dist/node_modules/tslib/it.js": "",
			},
			start: ".",
			want:  []string{"node_modules/a/dist/node_modules/tslib/it.js", "node_modules/a/package.json"},
		},
		{
			name: "store of Yarn 3",
			app:  map[string]string{"package.json": `{"dependencies": {"@s/a": "1"}}`},
			found: map[string]string{
				"node_modules/.store/a-npm-1/node_modules/@s/a/package.json": `{"dependencies": {"b": "1"}}`,
				"node_modules/.store/b-npm-1/node_modules/b/package.json":    `{}`,
				"node_modules/.store/c-npm-1/node_modules/c/package.json":    `{}`,
			},
			links: map[string]string{
				"node_modules/@s/a": "../.store/a-npm-1/node_modules/@s/a",
				"node_modules/.store/a-npm-1/node_modules/@s/a/node_modules/b": "../../../../../b-npm-1/node_modules/b",
			},
			start: ".",
			want: []string{
				"node_modules/.store/a-npm-1/node_modules/@s/a/node_modules/b -> ../../../../../b-npm-1/node_modules/b",
				"node_modules/.store/a-npm-1/node_modules/@s/a/package.json",
				"node_modules/.store/b-npm-1/node_modules/b/package.json",
				"node_modules/@s/a -> ../.store/a-npm-1/node_modules/@s/a",
			},
		},
		{
			name: "store of Yarn 4",
			app:  map[string]string{"package.json": `{"dependencies": {"@s/a": "1"}, "devDependencies": {"d": "1"}}`},
			found: map[string]string{
				"node_modules/.store/a-npm-1/package/package.json": `{"dependencies": {"b": "1"}}`,
				"node_modules/.store/b-npm-1/package/package.json": `{}`,
				"node_modules/.store/c-npm-1/package/package.json": `{}`,
				"node_modules/.store/d-npm-1/package/package.json": `{}`,
				"node_modules/.package-map.json":                   "",
			},
			links: map[string]string{
				"node_modules/@s/a": "../.store/a-npm-1/package",
				"node_modules/d":    ".store/d-npm-1/package",
				"node_modules/.store/a-npm-1/node_modules/@s/a": "../../package",
				"node_modules/.store/a-npm-1/node_modules/b":    "../../b-npm-1/package",
				"node_modules/.store/a-npm-1/node_modules/c":    "../../c-npm-1/package", // an extension, which a does not declare
				"node_modules/.store/d-npm-1/node_modules/b":    "../../b-npm-1/package",
			},
			start: ".",
			want: []string{
				"node_modules/.store/a-npm-1/node_modules/@s/a -> ../../package",
				"node_modules/.store/a-npm-1/node_modules/b -> ../../b-npm-1/package",
				"node_modules/.store/a-npm-1/node_modules/c -> ../../c-npm-1/package",
				"node_modules/.store/a-npm-1/package/package.json",
				"node_modules/.store/b-npm-1/package/package.json",
				"node_modules/.store/c-npm-1/package/package.json",
				"node_modules/@s/a -> ../.store/a-npm-1/package",
			},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got := tree{root: t.TempDir(), app: t.TempDir(), arch: "x64"}
			kittest.Write(t, got.app, test.app)
			kittest.Write(t, got.root, test.found)
			for name, target := range test.links {
				if rest, ok := cutApp(target); ok {
					target = got.app + rest
				}
				file := filepath.Join(got.root, name)
				if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.Symlink(target, file); err != nil {
					t.Fatal(err)
				}
			}
			if err := got.grow(test.start); err != nil {
				t.Fatal(err)
			}
			to := t.TempDir()
			for _, folder := range []string{"node_modules", "apps/web/node_modules", "libs/lib/node_modules"} {
				if err := copyModules(to, got, folder); err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff(test.want, entries(t, to, got.app)); diff != "" {
				t.Errorf("copied (-want +got):\n%s", diff)
			}
		})
	}
}

func cutApp(target string) (string, bool) {
	if len(target) > 3 && target[:3] == "APP" {
		return target[3:], true
	}
	return "", false
}

// entries lists the files and links below a folder.
func entries(t *testing.T, dir, app string) []string {
	t.Helper()
	var found []string
	err := filepath.WalkDir(dir, func(file string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		name, err := filepath.Rel(dir, file)
		if entry.Type() == os.ModeSymlink {
			target, err := os.Readlink(file)
			if rest, in := filepath.Rel(app, target); filepath.IsAbs(target) && in == nil {
				target = "APP/" + rest
			}
			found = append(found, name+" -> "+target)
			return err
		}
		found = append(found, name)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestLinkOutside(t *testing.T) {
	t.Parallel()
	got := tree{root: t.TempDir(), app: t.TempDir(), arch: "x64"}
	kittest.Write(t, got.app, map[string]string{"package.json": `{"dependencies": {"a": "link:../a"}}`})
	kittest.Write(t, got.root, map[string]string{"node_modules/b/package.json": "{}"})
	if err := os.Symlink("/usr", filepath.Join(got.root, "node_modules/a")); err != nil {
		t.Fatal(err)
	}
	err := got.grow(".")
	if err == nil {
		t.Fatal("a link out of the app is followed")
	}
	kittest.Golden(t, "fault-link-outside.txt", err.Error()+"\n")
}

// TestFindProgram looks for the program of a script start in what is installed.
func TestFindProgram(t *testing.T) {
	t.Parallel()
	b := builder{full: t.TempDir(), decision: decision{Project: project.Project{Root: "/workspace", Dir: "/workspace/apps/web", Manifest: project.Manifest{
		Dependencies: map[string]string{"@s/serve": "1", "plain": "1", "lost": "1"}, Dev: map[string]string{"tool": "1"},
	}}}}
	name, err := digest(b.key)
	if err != nil {
		t.Fatal(err)
	}
	kittest.Write(t, filepath.Join(b.full, name), map[string]string{
		"apps/web/node_modules/@s/serve/package.json": `{"name": "@s/serve", "bin": "cli.js"}`,
		"node_modules/plain/package.json":             `{"name": "plain", "bin": {"run-plain": "./bin/run.js"}}`,
		"node_modules/tool/package.json":              `{"name": "tool", "bin": "tool.js"}`,
	})
	tests := []struct {
		program string
		want    []string
		fault   string
	}{
		{"serve", []string{"node_modules/@s/serve/cli.js", "--single"}, ""},
		{"run-plain", []string{"../../node_modules/plain/bin/run.js", "--single"}, ""},
		{"tool", nil, "fault-program-dev.txt"},
		{"absent", nil, "fault-program-absent.txt"},
	}
	for _, test := range tests {
		one := b
		one.start = start{program: []string{test.program, "--single"}, script: "start"}
		err := one.findProgram(t.Context(), "")
		if diff := cmp.Diff(test.want, one.start.arguments); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.program, diff)
		}
		switch {
		case test.fault == "" && err != nil:
			t.Errorf("%s: %v", test.program, err)
		case test.fault != "" && err == nil:
			t.Errorf("%s is no fault", test.program)
		case err != nil:
			kittest.Golden(t, test.fault, err.Error()+"\n")
		}
	}
}

// TestExplainInstall has the lines that npm ends with.
func TestExplainInstall(t *testing.T) {
	t.Parallel()
	tests := map[string][]string{
		"gyp": {
			"npm error ../src/addon.cc: In function 'void compare()':",
			"npm error ../src/addon.cc:331:41: error: no matching function for call to 'v8::Value::ToString()'",
			"npm error   331 |     Nan::Utf8String pw(info[0]->ToString());",
			"npm error ../src/addon.cc:332:43: error: no matching function for call to 'v8::Value::ToString()'",
			"npm error make: *** [addon.target.mk:112: Release/obj.target/addon.o] Error 1",
			"npm error gyp ERR! build error",
			"npm error gyp ERR! cwd /cache/build/node-modules/ec85.partial/node_modules/@scope/addon",
			"npm error gyp ERR! not ok",
		},
		"gyp-library": {
			"/cache/build/compiler/5c76cf8e3bd1f0a2/usr/bin/ld: cannot find -lsecret-1: No such file or directory",
			"gyp ERR! cwd /cache/build/node-modules/ec85.partial/node_modules/keytar",
		},
		"offline": {"npm error code ECONNREFUSED", "npm error syscall connect"},
		"other":   {"npm error `npm ci` can only install packages when your package.json and package-lock.json are in sync."},
	}
	for name, tail := range tests {
		err := explainInstall(&command.Error{Tail: tail, Err: errors.New("exit status 1")}, npm, "npm ci")
		kittest.Golden(t, "fault-install-"+name+".txt", err.Error()+"\n")
	}
}

// TestBill follows an alias to the real name of a package and reads licences in all their forms.
func TestBill(t *testing.T) {
	t.Parallel()
	got := tree{root: t.TempDir(), app: t.TempDir(), arch: "x64"}
	kittest.Write(t, got.app, map[string]string{"package.json": `{"dependencies": {"alias": "npm:@s/real@1", "old": "1", "broken": "1"}}`})
	kittest.Write(t, got.root, map[string]string{
		"node_modules/alias/package.json":  `{"name": "@s/real", "version": "1.0.0", "license": "MIT", "dependencies": {"old": "1"}}`,
		"node_modules/old/package.json":    `{"name": "old", "version": "1.0.0", "licenses": [{"type": "MIT"}, {"type": "ISC"}]}`,
		"node_modules/broken/package.json": `{"name": "broken", "version": "1.0.0", "license": {"type": "BSD"}, "dependencies": []}`,
	})
	if err := got.grow("."); err != nil {
		t.Fatal(err)
	}
	bill := map[string][]string{}
	for _, one := range got.bill(sbom.Component{Name: "app"}).Components {
		bill[one.PURL] = append(one.Licenses, one.Dependencies...)
	}
	want := map[string][]string{
		"pkg:npm/%40s/real@1.0.0": {"MIT", "pkg:npm/old@1.0.0"}, "pkg:npm/old@1.0.0": {"MIT", "ISC"}, "pkg:npm/broken@1.0.0": {"BSD"},
	}
	if diff := cmp.Diff(want, bill); diff != "" {
		t.Errorf("bill (-want +got):\n%s", diff)
	}
	if got, want := slices.Sorted(maps.Keys(bill)), slices.Sorted(slices.Values(got.bill(sbom.Component{Name: "app"}).Subject.Dependencies)); !slices.Equal(got, want) {
		t.Errorf("the app needs %v, want %v", want, got)
	}
}
