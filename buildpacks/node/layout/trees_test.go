package layout_test

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
	"github.com/strata-buildpacks/strata/buildpacks/kit/report"
	"github.com/strata-buildpacks/strata/buildpacks/node/layout"
	"github.com/strata-buildpacks/strata/buildpacks/node/project"
)

type files = map[string]string

// TestFill has one folder per way that package managers lay packages out.
func TestFill(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		app   files // the app's own packages
		found files // what is installed
		links files // in it; APP stands for the app's folder
		start string
		want  []string // "name" or "name -> target"
	}{
		{
			name: "hoisted",
			app:  files{"package.json": `{"dependencies": {"a": "1", "gone": "1"}, "devDependencies": {"d": "1"}}`},
			found: files{
				"node_modules/a/package.json": `{"dependencies": {"b": "1"}, "peerDependencies": {"p": "1"},
					"optionalDependencies": {"mac": "1", "musl": "1"}}`,
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
			links: files{"node_modules/.bin/a": "../a/cli.js", "node_modules/.bin/d": "../d/cli.js", "node_modules/.bin/lost": "../a/lost.js"},
			start: ".",
			want: []string{
				"node_modules/.bin/a -> ../a/cli.js", "node_modules/a/cli.js", "node_modules/a/no-addon.cc",
				"node_modules/a/node_modules/b/package.json", "node_modules/a/package.json",
				"node_modules/a/prebuilds/linux-x64/a.node", "node_modules/p/build/Release/p.node", "node_modules/p/lib/obj/p.js",
				"node_modules/p/node_modules/q/package.json", "node_modules/p/package.json",
			},
		},
		{
			name: "store and workspaces",
			app: files{
				"package.json":            `{"dependencies": {"root": "1"}, "workspaces": ["apps/*", "libs/*"]}`,
				"apps/web/package.json":   `{"dependencies": {"lib": "workspace:*"}, "devDependencies": {"d": "1"}}`,
				"libs/lib/package.json":   `{"dependencies": {"@s/a": "1"}}`,
				"libs/other/package.json": `{}`,
			},
			found: files{
				"node_modules/.pnpm/@s+a@1/node_modules/@s/a/package.json": `{"dependencies": {"b": "1"}}`,
				"node_modules/.pnpm/b@1/node_modules/b/package.json":       `{}`,
				"node_modules/.pnpm/c@1/node_modules/c/package.json":       `{}`,
				"node_modules/.pnpm/d@1/node_modules/d/package.json":       `{}`,
				"node_modules/.pnpm/lock.yaml":                             "",
				"node_modules/.modules.yaml":                               "",
				"apps/web/node_modules/.bin/shim":                          "#!/bin/sh",
			},
			links: files{
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
			app:  files{"package.json": `{"dependencies": {"a": "1"}}`},
			found: files{
				"node_modules/a/package.json":                  `{}`,
				"node_modules/a/node_modules/b/package.json":   `{}`, // nothing asks for it
				"node_modules/a/dist/node_modules/tslib/it.js": "",
			},
			start: ".",
			want:  []string{"node_modules/a/dist/node_modules/tslib/it.js", "node_modules/a/package.json"},
		},
		{
			name: "store of Yarn 3",
			app:  files{"package.json": `{"dependencies": {"@s/a": "1"}}`},
			found: files{
				"node_modules/.store/a-npm-1/node_modules/@s/a/package.json": `{"dependencies": {"b": "1"}}`,
				"node_modules/.store/b-npm-1/node_modules/b/package.json":    `{}`,
				"node_modules/.store/c-npm-1/node_modules/c/package.json":    `{}`,
			},
			links: files{
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
			app:  files{"package.json": `{"dependencies": {"@s/a": "1"}, "devDependencies": {"d": "1"}}`},
			found: files{
				"node_modules/.store/a-npm-1/package/package.json": `{"dependencies": {"b": "1"}}`,
				"node_modules/.store/b-npm-1/package/package.json": `{}`,
				"node_modules/.store/c-npm-1/package/package.json": `{}`,
				"node_modules/.store/d-npm-1/package/package.json": `{}`,
				"node_modules/.package-map.json":                   "",
			},
			links: files{
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
			app, install := t.TempDir(), t.TempDir()
			kittest.Write(t, app, test.app)
			kittest.Write(t, install, test.found)
			for name, target := range test.links {
				if rest, ok := strings.CutPrefix(target, "APP"); ok {
					target = app + rest
				}
				link(t, filepath.Join(install, name), target)
			}
			l := trees(t, app, test.start, install)
			layer := t.TempDir()
			if _, err := l.Fill(t.Context(), layer, ""); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, entries(t, layer, app)); diff != "" {
				t.Errorf("copied (-want +got):\n%s", diff)
			}
		})
	}
}

// trees returns the layout of a project of an app whose packages are in a folder.
func trees(t *testing.T, app, folder, install string) layout.Trees {
	t.Helper()
	p, err := project.Find(app, strings.TrimPrefix(folder, "."))
	if err != nil {
		t.Fatal(err)
	}
	all := func(context.Context) (string, error) { return install, nil }
	return layout.Trees{Project: p, Packages: layout.Packages{All: all}, Arch: "x64", Log: report.New(io.Discard, report.Options{})}
}

func link(t *testing.T, name, target string) {
	t.Helper()
	err := os.MkdirAll(filepath.Dir(name), 0o755)
	if err == nil {
		err = os.Symlink(target, name)
	}
	if err != nil {
		t.Fatal(err)
	}
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
			if rest, in := strings.CutPrefix(target, app+"/"); in {
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
	app, install := t.TempDir(), t.TempDir()
	kittest.Write(t, app, files{"package.json": `{"dependencies": {"a": "link:../a"}}`})
	kittest.Write(t, install, files{"node_modules/b/package.json": "{}"})
	link(t, filepath.Join(install, "node_modules/a"), "/usr")
	_, err := trees(t, app, "", install).Bill(t.Context())
	if err == nil {
		t.Fatal("a link out of the app is followed")
	}
	kittest.Golden(t, "fault-link-outside.txt", err.Error()+"\n")
}

// TestProgram looks for programs in what is installed.
func TestProgram(t *testing.T) {
	t.Parallel()
	app, install := t.TempDir(), t.TempDir()
	kittest.Write(t, app, files{
		"package.json":          `{"workspaces": ["apps/*"]}`,
		"apps/web/package.json": `{"dependencies": {"@s/serve": "1", "plain": "1", "lost": "1"}, "devDependencies": {"tool": "1"}}`,
	})
	kittest.Write(t, install, files{
		"apps/web/node_modules/@s/serve/package.json": `{"name": "@s/serve", "bin": "cli.js"}`,
		"node_modules/plain/package.json":             `{"name": "plain", "bin": {"run-plain": "./bin/run.js"}}`,
		"node_modules/tool/package.json":              `{"name": "tool", "bin": "tool.js"}`,
	})
	l := trees(t, app, "apps/web", install)
	for _, test := range []struct {
		program, want string
		dev           bool
	}{
		{"serve", "node_modules/@s/serve/cli.js", false}, {"run-plain", "../../node_modules/plain/bin/run.js", false},
		{"tool", "../../node_modules/tool/tool.js", true}, {"absent", "", false},
	} {
		file, dev, err := l.Program(t.Context(), "", test.program)
		if file != test.want || dev != test.dev || err != nil {
			t.Errorf("%s is %q, for development %t, %v; want %q, %t", test.program, file, dev, err, test.want, test.dev)
		}
	}
}

// TestBill follows an alias to the real name of a package and reads licences in all their forms.
func TestBill(t *testing.T) {
	t.Parallel()
	app, install := t.TempDir(), t.TempDir()
	kittest.Write(t, app, files{"package.json": `{"name": "shop", "dependencies": {"alias": "npm:@s/real@1", "old": "1", "broken": "1"}}`})
	kittest.Write(t, install, files{
		"node_modules/alias/package.json":  `{"name": "@s/real", "version": "1.0.0", "license": "MIT", "dependencies": {"old": "1"}}`,
		"node_modules/old/package.json":    `{"name": "old", "version": "1.0.0", "licenses": [{"type": "MIT"}, {"type": "ISC"}]}`,
		"node_modules/broken/package.json": `{"name": "broken", "version": "1.0.0", "license": {"type": "BSD"}, "dependencies": []}`,
	})
	got, err := trees(t, app, "", install).Bill(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	bill := map[string][]string{got.Subject.Name: slices.Sorted(slices.Values(got.Subject.Dependencies))}
	for _, one := range got.Components {
		bill[one.PURL] = append(one.Licenses, one.Dependencies...)
	}
	want := map[string][]string{
		"shop":                    {"pkg:npm/%40s/real@1.0.0", "pkg:npm/broken@1.0.0", "pkg:npm/old@1.0.0"},
		"pkg:npm/%40s/real@1.0.0": {"MIT", "pkg:npm/old@1.0.0"}, "pkg:npm/old@1.0.0": {"MIT", "ISC"}, "pkg:npm/broken@1.0.0": {"BSD"},
	}
	if diff := cmp.Diff(want, bill); diff != "" {
		t.Errorf("bill (-want +got):\n%s", diff)
	}
}

// TestLend gives the app all packages, and takes them away again.
func TestLend(t *testing.T) {
	t.Parallel()
	app, install := t.TempDir(), t.TempDir()
	kittest.Write(t, app, files{"package.json": `{"workspaces": ["web"]}`, "web/package.json": "{}", "node_modules/old/index.js": ""})
	kittest.Write(t, install, files{"node_modules/a/index.js": "", "web/node_modules/dev/index.js": ""})
	l := trees(t, app, "", install)
	const own, member = "package.json", "web/package.json"
	for _, step := range []struct {
		name string
		do   func() error
		want []string
	}{
		{"lent", func() error { return l.Lend(t.Context()) }, []string{"node_modules/a/index.js", own, "web/node_modules/dev/index.js", member}},
		{
			"linked", func() error { return l.Link(t.Context(), "/layers/modules") },
			[]string{"node_modules -> /layers/modules/node_modules", own, "web/node_modules -> /layers/modules/web/node_modules", member},
		},
		{"taken away", l.Unlink, []string{own, member}},
	} {
		if err := step.do(); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(step.want, entries(t, app, "/none")); diff != "" {
			t.Errorf("the app when the packages are %s (-want +got):\n%s", step.name, diff)
		}
	}
}

// TestFillTraced copies what a standalone server has of packages, and lists them by what was installed or, if they are laid out in
// another way, by themselves.
func TestFillTraced(t *testing.T) {
	t.Parallel()
	for again, want := range map[bool][]string{false: {"pkg:npm/a@1.0.0"}, true: {"pkg:npm/a@2.0.0"}} {
		app, install, layer := t.TempDir(), t.TempDir(), t.TempDir()
		kittest.Write(t, app, files{
			"package.json": `{"dependencies": {"a": "1", "untraced": "1"}}`, "node_modules/a/package.json": `{"name": "a", "version": "2.0.0"}`,
		})
		kittest.Write(t, install, files{
			"package.json": `{"dependencies": {"a": "1", "untraced": "1"}}`, "node_modules/a/package.json": `{"name": "a", "version": "1.0.0"}`,
			"node_modules/untraced/package.json": `{"name": "untraced", "version": "1.0.0"}`,
		})
		bill, err := trees(t, app, "", install).FillTraced(t.Context(), layer, again)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"node_modules/a/package.json"}, entries(t, layer, app)); diff != "" {
			t.Errorf("the layer (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(want, bill.Subject.Dependencies); diff != "" || len(bill.Components) != 1 {
			t.Errorf("laid out again %t: the app needs (-want +got):\n%s\nof %v", again, diff, bill.Components)
		}
	}
}
