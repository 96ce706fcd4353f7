package archive_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/strata-buildpacks/strata/buildpacks/kit/deb"
	"github.com/strata-buildpacks/strata/buildpacks/kit/deb/archive"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
)

const deb822 = `# comment
Types: deb deb-src
URIs: http://mirror.example.test/debian/
Suites: bookworm bookworm-updates
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: http://mirror.example.test/debian-security
Suites: bookworm-security
Components: main contrib

Types: deb
URIs: http://off.example.test/debian
Suites: sid
Components: main
Enabled: no
`

const oneLine = `deb-src http://src.example.test/debian trixie main
deb [arch=amd64 signed-by=/x] https://a.example.test/debian trixie main # the first one
deb http://b.example.test/mirrors/debian trixie contrib main
deb http://c.example.test/updates trixie-security main
deb cdrom:[Debian]/debian trixie main
deb http://other.example.test/apt stable main
`

func TestFindMirrors(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		files map[string]string
		env   map[string]string
		want  deb.Mirrors
		err   string
	}{
		{name: "stanzas", files: map[string]string{"sources.list.d/debian.sources": deb822}, want: deb.Mirrors{
			deb.Main:     {"http://mirror.example.test/debian"},
			deb.Security: {"http://mirror.example.test/debian-security"},
		}},
		{name: "lines", files: map[string]string{"sources.list": oneLine}, want: deb.Mirrors{
			deb.Main:     {"https://a.example.test/debian", "http://b.example.test/mirrors/debian"},
			deb.Security: {"http://c.example.test/updates"},
		}},
		{name: "variables come first",
			files: map[string]string{"sources.list": oneLine},
			env: map[string]string{
				"STRATA_DEBIAN_MIRROR":          "http://m.example.test/d/ http://n.example.test",
				"STRATA_DEBIAN_SECURITY_MIRROR": "http://s.example.test",
			},
			want: deb.Mirrors{
				deb.Main:     {"http://m.example.test/d", "http://n.example.test"},
				deb.Security: {"http://s.example.test"},
			}},
		{name: "nothing", err: "no mirror of Debian's main archive: STRATA_DEBIAN_MIRROR is not set and apt's configuration in ETC names none; " +
			"set STRATA_DEBIAN_MIRROR to the mirror's base address"},
		{name: "other file names do not count", files: map[string]string{"sources.list.d/debian.sources.save": deb822},
			err: "no mirror of Debian's main archive: STRATA_DEBIAN_MIRROR is not set and apt's configuration in ETC names none; " +
				"set STRATA_DEBIAN_MIRROR to the mirror's base address"},
		{name: "no security", env: map[string]string{"STRATA_DEBIAN_MIRROR": "http://m.example.test"},
			err: "no mirror of Debian's security archive: STRATA_DEBIAN_SECURITY_MIRROR is not set and apt's configuration in ETC names none; " +
				"set STRATA_DEBIAN_SECURITY_MIRROR to the mirror's base address"},
		{name: "no address", env: map[string]string{"STRATA_DEBIAN_MIRROR": "mirror.example.test"},
			err: `STRATA_DEBIAN_MIRROR: "mirror.example.test" is not an http or https address; ` +
				"set it to the mirror's base address, the folder that holds dists/ and pool/"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			etc := filepath.Join(t.TempDir(), "apt")
			kittest.Write(t, etc, test.files)
			got, err := archive.FindMirrors(func(k string) string { return test.env[k] }, etc)
			if want := strings.Replace(test.err, "ETC", etc, 1); errText(err) != want {
				t.Errorf("got error %q\nwant %q", errText(err), want)
			}
			if err == nil {
				if diff := cmp.Diff(test.want, got); diff != "" {
					t.Error(diff)
				}
			}
		})
	}
}
