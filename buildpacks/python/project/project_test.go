package project_test

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
	"github.com/strata-buildpacks/strata/buildpacks/python/project"
)

func TestMain(m *testing.M) { kittest.Main(m) }

type files = map[string]string

const (
	hashA = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	hashB = "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
)

// app writes an app and finds its project.
func app(t *testing.T, s project.Settings, written files) (project.Project, error) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "app")
	kittest.Write(t, dir, written)
	return project.Find(dir, s)
}

// TestFind chooses the file that says what is installed.
func TestFind(t *testing.T) {
	t.Parallel()
	const poetry = "[[package]]\n"
	for name, test := range map[string]struct {
		files    files
		settings project.Settings
		want     string // manager, file, those beside it
	}{
		"requirements": {files{"requirements.txt": "", "setup.py": ""}, project.Settings{}, "pip requirements.txt []"},
		"lock wins": {files{"requirements.txt": "", "uv.lock": "", "pyproject.toml": ""}, project.Settings{},
			"uv uv.lock [requirements.txt]"},
		"named":     {files{"uv.lock": "", "poetry.lock": poetry}, project.Settings{Manager: "poetry"}, "poetry poetry.lock [uv.lock]"},
		"named pip": {files{"uv.lock": "", "requirements.txt": ""}, project.Settings{Manager: "pip"}, "pip requirements.txt [uv.lock]"},
		"files": {files{"uv.lock": "", "a/prod.txt": ""}, project.Settings{Requirements: []string{"a/prod.txt"}},
			"pip a/prod.txt []"},
		"project":     {files{"pyproject.toml": "[project]\n"}, project.Settings{}, "pip pyproject.toml []"},
		"tools alone": {files{"pyproject.toml": "[tool.ruff]\n"}, project.Settings{}, "  []"},
		"setup.cfg":   {files{"setup.cfg": ""}, project.Settings{}, "pip setup.cfg []"},
		"conda beside": {files{"environment.yml": "", "requirements.txt": ""}, project.Settings{},
			"pip requirements.txt [environment.yml]"},
		"pipfile beside":    {files{"Pipfile": "", "requirements.txt": ""}, project.Settings{}, "pip requirements.txt []"},
		"folder":            {files{"api/requirements.txt": ""}, project.Settings{Path: "api"}, "pip requirements.txt []"},
		"nothing":           {files{"main.py": ""}, project.Settings{}, "  []"},
		"folder for a file": {files{"requirements.txt/a": "", "main.py": ""}, project.Settings{}, "  []"},
		"member": {files{
			"uv.lock": "[[package]]\nname = \"api\"\nsource = { editable = \"packages/api\" }\n", "packages/api/pyproject.toml": "[project]\n",
		}, project.Settings{Path: "packages/api"}, "uv uv.lock []"},
		"no member": {files{"uv.lock": "", "api/pyproject.toml": "[project]\n"}, project.Settings{Path: "api"}, "pip pyproject.toml []"},
	} {
		p, err := app(t, test.settings, test.files)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := string(p.Manager) + " " + p.File + " [" + strings.Join(p.Beside, " ") + "]"; got != test.want {
			t.Errorf("%s: got %q, want %q", name, got, test.want)
		}
	}
}

// TestInstall reads what each kind of file names.
func TestInstall(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		files    files
		settings project.Settings
	}{
		"requirements": {files: files{
			"requirements.txt": "\ufeff# all\r\n-r base/more.txt\nFlask[async] >= 3, <4 ; python_version<'3.14' # it\n" +
				"gunicorn==23.0.0 \\\n    --hash=" + hashB + " \\\n    --hash " + hashA + "\n-e ./lib[x]\n-c limits.txt\n--pre\n" +
				"-ihttps://example.test/simple\n--find-links wheels\n--trusted-host example.test\n" +
				"a @ https://example.test/a.whl#x ; sys_platform == 'linux'\ngit+https://example.test/b@0123456789abcdef#egg=B_c\n" +
				"c @ git+https://example.test/c\nsub/d\nwheels/e-1-py3-none-any.whl --hash=" + hashA + "\nf ; extra == 'g'\n",
			"base/more.txt": "-r ../requirements.txt\nrequests(>=2)\n", "limits.txt": "urllib3<3\n", "wheels/a": "", "lib/pyproject.toml": "",
		}},
		"utf-16": {files: files{"requirements.txt": "\xff\xfeF\x00l\x00a\x00s\x00k\x00=\x00=\x003\x00\r\x00\n\x00"}},
		"folder": {
			settings: project.Settings{Path: "api", Requirements: []string{"prod.txt", "more.txt"}},
			files:    files{"api/prod.txt": "./lib\n-r ../base.txt\n", "api/more.txt": "b\n", "base.txt": "c\n"},
		},
		"uv": {settings: project.Settings{Groups: []string{"docs"}, Extras: []string{"x"}}, files: files{
			"uv.lock": "", "pyproject.toml": "[project]\n[project.optional-dependencies]\nx = []\n[dependency-groups]\ndocs = []\n[build-system]\n",
		}},
		"uv member": {settings: project.Settings{Path: "packages/api"}, files: files{
			"uv.lock":                     "[[package]]\nname = \"api\"\nsource = { editable = \"packages/api\" }\n",
			"packages/api/pyproject.toml": "[project]\n[tool.uv]\npackage = true\n",
		}},
		"poetry": {settings: project.Settings{Extras: []string{"Pg"}, Groups: []string{"docs"}}, files: files{
			"pyproject.toml": "[tool.poetry]\nname = \"my-app\"\n[tool.poetry.group.docs]\n", "my_app/__init__.py": "",
			"poetry.lock": poetryLock,
		}},
		"poetry without a package": {files: files{"pyproject.toml": "[tool.poetry]\nname = \"my-app\"\n", "poetry.lock": poetryLock}},
		"pipenv": {settings: project.Settings{Groups: []string{"dev"}}, files: files{"Pipfile.lock": `{"_meta": {"sources": [
			{"name": "x", "url": "https://example.test/simple"}]}, "default": {
			"Flask": {"hashes": ["` + hashB + `", "` + hashA + `"], "index": "x", "version": "==3.1.0", "markers": "python_version >= '3.9'"},
			"b": {"git": "https://example.test/b", "ref": "0123456789abcdef0123456789abcdef01234567"}, "c": {"path": "./c", "editable": true},
			"d": {"file": "https://example.test/d.zip"}}, "develop": {"pytest": {"version": "==8.0"}}}`}},
		"pdm": {settings: project.Settings{Extras: []string{"pg"}}, files: files{"pyproject.toml": "[project]\n[build-system]\n", "pdm.lock": `
[metadata]
groups = ["default", "pg", "test"]
strategy = ["inherit_metadata"]
[[package]]
name = "uvicorn"
version = "0.30.0"
groups = ["default"]
files = [{file = "u.whl", hash = "` + hashA + `"}]
marker = "python_version >= \"3.9\""
[[package]]
name = "uvicorn"
extras = ["standard"]
version = "0.30.0"
groups = ["default"]
[[package]]
name = "psycopg"
version = "3.2.0"
groups = ["pg"]
[[package]]
name = "pytest"
version = "8.0"
groups = ["test"]
[[package]]
name = "g"
version = "1"
groups = ["default"]
git = "https://example.test/g"
revision = "0123456789abcdef"
`}},
		"pylock": {settings: project.Settings{Groups: []string{"docs"}}, files: files{"pylock.toml": `
lock-version = "1.0"
extras = ["x"]
dependency-groups = ["docs"]
[[packages]]
name = "flask"
version = "3.1.0"
index = "https://example.test/simple"
[[packages.wheels]]
url = "https://example.test/flask.whl"
hashes = {sha256 = "` + strings.TrimPrefix(hashB, "sha256:") + `"}
[[packages]]
name = "x"
version = "1"
marker = "'x' in extras or 'dev' in dependency_groups"
[[packages]]
name = "sphinx"
version = "8.0"
marker = "'docs' in dependency_groups and python_version > '3'"
[packages.sdist]
hashes = {sha256 = "` + strings.TrimPrefix(hashA, "sha256:") + `"}
[[packages]]
name = "lib"
directory = {path = "lib"}
[[packages]]
name = "g"
vcs = {type = "git", url = "https://example.test/g", commit-id = "0123456789abcdef", subdirectory = "s"}
[[packages]]
name = "d"
archive = {url = "https://example.test/d.zip", hashes = {sha256 = "` + strings.TrimPrefix(hashA, "sha256:") + `"}}
`}},
		"project": {settings: project.Settings{Extras: []string{"X"}, Groups: []string{"g"}}, files: files{"pyproject.toml": `
[project]
dependencies = ["Flask >= 3", "b @ https://example.test/b.whl"]
[project.optional-dependencies]
x = ["c"]
[dependency-groups]
g = ["d", {include-group = "h"}]
h = ["e", "c"]
`}},
		"project with a build":   {files: files{"pyproject.toml": "[project]\ndependencies = [\"a\"]\n[build-system]\n"}},
		"project that is asked":  {files: files{"pyproject.toml": "[project]\ndynamic = [\"dependencies\"]\n[build-system]\n"}},
		"setup.py":               {files: files{"setup.py": ""}, settings: project.Settings{Extras: []string{"x"}}},
		"files without packages": {files: files{"main.py": ""}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, err := app(t, test.settings, test.files)
			if err != nil {
				t.Fatal(err)
			}
			in, err := p.Install()
			if err != nil {
				t.Fatal(err)
			}
			kittest.Golden(t, "install-"+strings.ReplaceAll(name, " ", "-")+".txt", text(in))
		})
	}
}

// text returns what is to be installed as a person reads it.
func text(in project.Install) string {
	var b strings.Builder
	list := func(title string, lines ...string) {
		if len(lines) > 0 && strings.Join(lines, "") != "" {
			b.WriteString(title + ":\n  " + strings.ReplaceAll(strings.TrimSpace(strings.Join(lines, "\n")), "\n", "\n  ") + "\n")
		}
	}
	list("first", in.Lines(false))
	if strings.Join(in.Options, "\n")+"\n" != in.Lines(true) {
		list("second", in.Lines(true))
	}
	list("constraints", in.Constraints...)
	list("wheels", in.Wheels...)
	list("files", in.Files...)
	list("export", strings.Join(in.Export, " "))
	list("itself", in.Itself)
	list("extras", in.Extras...)
	list("notes", in.Notes...)
	for _, set := range []struct {
		name string
		is   bool
	}{{"prereleases", in.Prereleases}, {"locked", in.Locked}, {"hashed", in.Hashed()}} {
		if set.is {
			list("is", set.name)
		}
	}
	return b.String()
}

const poetryLock = `
[[package]]
name = "flask"
version = "3.1.0"
optional = false
groups = ["main", "dev"]
markers = {main = "python_version >= \"3.10\"", dev = "python_version < \"3\""}
files = [{file = "f.whl", hash = "` + hashB + `"}, {file = "f.tar.gz", hash = "` + hashA + `"}]
[package.source]
type = "legacy"
url = "https://example.test/simple"
reference = "x"
[[package]]
name = "psycopg"
version = "3.2.0"
optional = true
groups = ["main"]
markers = "(extra == \"pg\" or extra == 'all') and (sys_platform == 'linux' or os_name not  in \"nt\")"
files = []
[[package]]
name = "other"
version = "1"
optional = true
groups = ["main"]
markers = "extra == \"all\""
files = []
[[package]]
name = "pytest"
version = "8.0"
optional = false
groups = ["dev"]
files = []
[[package]]
name = "sphinx"
version = "8.0"
optional = false
groups = ["docs", "main"]
markers = {docs = "sys_platform == 'linux'"}
files = []
[[package]]
name = "g"
version = "1"
optional = false
groups = ["main"]
files = []
[package.source]
type = "git"
url = "https://example.test/g.git"
reference = "main"
resolved_reference = "0123456789abcdef0123456789abcdef01234567"
subdirectory = "s"
[[package]]
name = "lib"
version = "1"
optional = false
groups = ["main"]
files = []
[package.source]
type = "directory"
url = "lib"
[extras]
pg = ["psycopg"]
all = ["other", "psycopg"]
[metadata]
lock-version = "2.1"
python-versions = ">=3.10"


`

// TestExport reads what uv writes, without the addresses that a lock has.
func TestExport(t *testing.T) {
	t.Parallel()
	p, err := app(t, project.Settings{}, files{"uv.lock": "", "pyproject.toml": "[project]\n"})
	if err != nil {
		t.Fatal(err)
	}
	in, err := p.Install()
	if err != nil {
		t.Fatal(err)
	}
	in, err = p.With(in, []byte("--index-url https://example.test/simple\nflask==3.1.0 ; sys_platform == 'linux' \\\n    --hash="+hashA+
		"\n./packages/a\ng @ git+https://example.test/g@0123456789abcdef\n"))
	if err != nil {
		t.Fatal(err)
	}
	kittest.Golden(t, "export.txt", text(in))
}

// TestFaults has each refusal once, with its next step.
func TestFaults(t *testing.T) {
	t.Parallel()
	manifest := func(text string) files { return files{"pyproject.toml": text} }
	requirements := func(text string) files { return files{"requirements.txt": text} }
	lock := func(entry string) files {
		return files{"Pipfile.lock": `{"default": {"a": ` + entry + `}}`}
	}
	for name, test := range map[string]struct {
		files    files
		settings project.Settings
	}{
		"two locks":        {files: files{"uv.lock": "", "poetry.lock": ""}},
		"conda":            {files: files{"environment.yml": "", "main.py": ""}},
		"pixi":             {files: files{"pixi.lock": "", "pyproject.toml": "[tool.pixi]\n"}},
		"manager unknown":  {requirements(""), project.Settings{Manager: "conda"}},
		"manager absent":   {requirements(""), project.Settings{Manager: "uv"}},
		"manager and file": {requirements(""), project.Settings{Manager: "uv", Requirements: []string{"a.txt"}}},
		"path":             {requirements(""), project.Settings{Path: "../a"}},
		"path absent":      {requirements(""), project.Settings{Path: "a"}},
		"pipfile":          {files: files{"Pipfile": ""}},
		"toml":             {files: manifest("[project]\nname = \n")},
		"json":             {files: files{"Pipfile.lock": "{"}},
		"file absent":      {files: requirements("a\n\n-r b.txt\n")},
		"file named":       {requirements(""), project.Settings{Requirements: []string{"b.txt"}}},
		"file outside":     {files: requirements("-r ../b.txt\n")},
		"folder outside":   {files: requirements("-e ../b\n")},
		"wheels outside":   {files: requirements("--find-links ../../b\n")},
		"option":           {files: requirements("--target x\n")},
		"line":             {files: requirements("a b\n")},
		"marker":           {files: requirements("a ; python_version > 3\n")},
		"hash":             {files: requirements("a==1 --hash=md5\n")},
		"subversion":       {files: requirements("svn+https://example.test/a\n")},
		"groups of pip":    {requirements(""), project.Settings{Groups: []string{"a"}}},
		"group":            {files{"pyproject.toml": "[dependency-groups]\na = []\n", "uv.lock": ""}, project.Settings{Groups: []string{"b"}}},
		"extra":            {manifest("[project]\n"), project.Settings{Extras: []string{"b"}}},
		"old poetry":       {files: files{"poetry.lock": "[metadata]\nlock-version = \"2.0\"\n"}},
		"old pdm":          {files: files{"pdm.lock": "[metadata]\nstrategy = []\n"}},
		"pylock":           {files: files{"pylock.toml": "lock-version = \"2.0\"\n"}},
		"pylock of hg":     {files: files{"pylock.toml": "lock-version = \"1.0\"\n[[packages]]\nname = \"a\"\n[packages.vcs]\ntype = \"hg\"\n"}},
		"poetry alone":     {files: manifest("[tool.poetry]\nname = \"a\"\n")},
		"sources alone":    {files: manifest("[project]\n[tool.uv.sources]\na = {path = \"b\"}\n")},
		"dependency":       {files: manifest("[project]\ndependencies = [\"a b\"]\n")},
		"entry name":       {files: files{"Pipfile.lock": `{"default": {"a\n--index-url x": {"version": "==1"}}}`}},
		"entry version":    {files: lock(`{"version": "==1 --index-url=x"}`)},
		"entry no version": {files: lock(`{}`)},
		"entry marker":     {files: lock(`{"version": "==1", "markers": "os_name == 'a\n'"}`)},
		"entry hash":       {files: lock(`{"version": "==1", "hashes": ["sha256:aa --pre"]}`)},
		"entry path":       {files: lock(`{"path": "../a"}`)},
		"entry address":    {files: lock(`{"file": "https://example.test/a b"}`)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, err := app(t, test.settings, test.files)
			if err == nil {
				_, err = p.Install()
			}
			if !errors.As(err, new(fault.Fault)) {
				t.Fatalf("got %v, want a fault", err)
			}
			kittest.Golden(t, "fault-"+strings.ReplaceAll(name, " ", "-")+".txt", err.Error()+"\n")
		})
	}
}
