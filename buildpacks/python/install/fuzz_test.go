package install

import (
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// FuzzIndex reads what an index answers. No address is of a file of this machine, and the index's login goes to no other host.
func FuzzIndex(f *testing.F) {
	f.Add("<a href='uv-1.0-py3-none-any.whl#sha256=0123'>uv</a>")
	f.Add(`<a href="//files.example.test/uv.whl">x</a><a href="file:///etc/passwd">x</a><a href="http://u:p@x/">x</a>`)
	f.Add(`{"files": [{"filename": "uv.whl", "url": "../../uv.whl", "hashes": {"sha256": "01"}}, {"url": "file:///dev/zero"}]}`)
	base, err := url.Parse("https://user:word@index.example.test/simple/uv/")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, answer string) {
		for _, file := range located(base, []byte(answer)) {
			to, err := url.Parse(file.url)
			if err != nil {
				t.Fatalf("%q is no address: %v", file.url, err)
			}
			if to.Scheme != "https" || to.Fragment != "" || to.Host != base.Host && strings.Contains(file.url, "user:word@") &&
				!strings.Contains(answer, "user:word@") {
				t.Errorf("%q is asked", file.url)
			}
		}
	})
}

// FuzzOptions takes lines that name an index out of requirements, however lines end.
func FuzzOptions(f *testing.F) {
	for _, text := range []string{
		"one\n--index-url x\ntwo", "--extra-\\\nindex-url=x", "one\r-i x", "\u00a0-f x", "one \\\r\n --hash=sha256:00\n", "-ix\n", "--no-index\n",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		kept, options := withoutIndexes(text)
		if again, more := withoutIndexes(kept); again != kept || len(more) > 0 {
			t.Errorf("%q is kept of %q, and has %q", kept, text, more)
		}
		if len(options) == 0 && strings.Contains(text, "\n-i ") {
			t.Errorf("%q names an index", text)
		}
	})
}

// FuzzDistribution reads what a package says about itself. None of its files is outside of the folder of packages.
func FuzzDistribution(f *testing.F) {
	f.Add("Name: one\nVersion: 1\n\ntext", "one.py,sha256=x,1\none-1.dist-info/RECORD,,\n")
	f.Add("Name: ../x\r\nLicense: a\r\n  b\r\n", "../secret,,\n/etc/passwd,,\n\"a\nb\",,\none/../../secret,,\nlink/secret,,\n")
	f.Add("nonsense", "\"\n")
	f.Fuzz(func(t *testing.T, metadata, record string) {
		dir := t.TempDir()
		site := filepath.Join(dir, "site")
		info := filepath.Join(site, "one-1.dist-info")
		for name, text := range map[string]string{
			filepath.Join(dir, "secret"): "", filepath.Join(info, "METADATA"): metadata, filepath.Join(info, "RECORD"): record,
			filepath.Join(site, "one.py"): "",
		} {
			if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.Symlink(dir, filepath.Join(site, "link")); err != nil {
			t.Fatal(err)
		}
		all, err := distributions(site)
		if err != nil {
			return
		}
		for _, d := range all {
			for _, name := range d.files {
				real, err := filepath.EvalSymlinks(filepath.Join(site, name))
				if err != nil || !strings.HasPrefix(real, site+"/") {
					t.Errorf("%q is of the package (%v)", name, err)
				}
			}
		}
	})
}
