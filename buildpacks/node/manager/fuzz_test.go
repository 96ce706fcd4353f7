package manager_test

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
	"github.com/strata-buildpacks/strata/buildpacks/node/manager"
	"github.com/strata-buildpacks/strata/buildpacks/node/project"
)

// fuzzLockfile reads a lockfile of an app: it chooses a package manager of that kind and a release, names packages in one line, and
// finds programs in the app, or it is a fault.
func fuzzLockfile(f *testing.F, name string, tools []string, seeds ...string) {
	f.Helper()
	for _, seed := range seeds {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, content string) {
		dir := t.TempDir()
		kittest.Write(t, dir, files{"package.json": `{"dependencies": {"a": "1"}}`, name: content})
		p, err := project.Find(dir, "")
		var chosen manager.Chosen
		if err == nil {
			chosen, err = manager.Choose(p, locks)
		}
		var lock manager.Lock
		if err == nil {
			lock, err = chosen.Lock()
		}
		if err != nil {
			kittest.Fault(t, err)
			return
		}
		if id := chosen.Tool().ID; chosen.Release.Version == "" || !strings.Contains(strings.Join(tools, " "), id) {
			t.Errorf("it is of %s %q", id, chosen.Release.Version)
		}
		for _, one := range lock.Unhashed {
			if one == "" || strings.Contains(one, "\n") {
				t.Errorf("without a hash is %q", one)
			}
		}
		if lock.Program == nil {
			return
		}
		if file, _, found := lock.Program("a/b", "tool"); found && !filepath.IsLocal(file) {
			t.Errorf("the program is %q", file)
		}
	})
}

func FuzzNPM(f *testing.F) {
	fuzzLockfile(f, "package-lock.json", []string{"npm"},
		`{"lockfileVersion": 3, "packages": {"": {"dependencies": {"a": "1"}}, "node_modules/a": {"version": "1.0.0", "integrity": "sha512-x",
			"bin": {"tool": "bin/tool"}}, "node_modules/b": {"version": "1.0.0", "resolved": "git+https://github.com/x/y#1"}}}`,
		`{"lockfileVersion": 2, "packages": {"node_modules/a": {"link": true, "resolved": "../x", "bin": {"tool": "../../../../x"}}}}`,
		`{"lockfileVersion": 1, "packages": {"": {"dependencies": {"a": ""}}, "node_modules/a": {"resolved": "file:x.tgz"}}}`, `{"packages": [`)
}

func FuzzYarn(f *testing.F) {
	fuzzLockfile(f, "yarn.lock", []string{"yarn", "berry"},
		"# yarn lockfile v1\n\n\"@a/b@^1\", \"@a/b@npm:2\":\n  version \"1.0.0\"\n"+
			"  resolved \"https://x/y.tgz#"+strings.Repeat("0a", 20)+"\"\n\n"+
			"c@1:\n  version \"1\"\n", "a@1:\r\n  version 1\r\n  integrity x\r\n")
}

func FuzzBerry(f *testing.F) {
	fuzzLockfile(f, "yarn.lock", []string{"yarn", "berry"},
		"__metadata:\n  version: 8\n  cacheKey: 10c0\n\n\"a@npm:1\":\n  version: 1.0.0\n  resolution: \"a@npm:1.0.0\"\n  checksum: 10c0/00\n\n"+
			"\"b@npm:1\":\n  resolution: \"b@npm:1\"\n  conditions: os=darwin & cpu=x64\n",
		"__metadata:\n  version: 6\n\n\"a@npm:1\":\n  resolution: \"a@npm:1\"\n  checksum: 8/00\n", "__metadata:\n  version: 9999\n")
}

func FuzzPNPM(f *testing.F) {
	fuzzLockfile(f, "pnpm-lock.yaml", []string{"pnpm"},
		"lockfileVersion: '9.0'\n\npackages:\n\n  a@1.0.0:\n    resolution: {integrity: sha512-x}\n\n"+
			"  '@b/c@1.0.0':\n    resolution: {tarball: x}\n",
		"lockfileVersion: 5.4\n", "lockfileVersion: '6.1'\n\npackages:\n\n  /a/1:\n    resolution: {directory: ../x, type: directory}\n")
}

func FuzzBun(f *testing.F) {
	fuzzLockfile(f, "bun.lock", []string{"bun"},
		"{\n  \"lockfileVersion\": 1,\n  \"packages\": {\n    \"a\": [\"a@1.0.0\", \"\", {}, \"sha512-x\"],\n\n"+
			"    \"b\": [\"b@github:x/y#1\", {}],\n  }\n}\n",
		"")
}

// FuzzField reads packageManager: a release of a package manager, or a fault.
func FuzzField(f *testing.F) {
	for _, text := range []string{
		"pnpm@10.1.0+" + digits, "yarn@berry", "yarn@^4", "npm", "bun@", "npm@9.0.0+sha512.00", "x@1", "pnpm@>=9 <10 || 8",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		manifest, err := json.Marshal(map[string]string{"packageManager": text})
		if err != nil {
			t.Fatal(err)
		}
		chosen, err := choose(t, files{"package.json": string(manifest)})
		if err != nil {
			kittest.Fault(t, err)
			return
		}
		if chosen.Release.Version == "" || chosen.Unchecked && chosen.Release.Hash != "" {
			t.Errorf("%q is %+v", text, chosen.Release)
		}
	})
}
