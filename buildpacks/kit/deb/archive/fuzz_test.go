package archive

import (
	"bytes"
	"fmt"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/google/go-cmp/cmp"

	"github.com/strata-buildpacks/strata/buildpacks/kit/deb"
	"github.com/strata-buildpacks/strata/buildpacks/kit/deb/debtest"
)

// The fuzz targets are in the package itself, because what they look at is read from files that a signature or a
// hash vouches for.

const packagesSeed = `Package: libc6
Source: glibc (2.41)
Version: 2.41-12
Architecture: amd64
Depends: libgcc-s1 (>= 3.0), a:any | b (<< 1:2~)
Provides: libc6-2.41 (= 2.41-12)
Description: two
 lines
Filename: pool/main/g/glibc/libc6_2.41-12_amd64.deb
Size: 2847284
SHA256: 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef

`

// FuzzPackages reads lists of packages: what is accepted has all that a lock needs, and can be written again.
func FuzzPackages(f *testing.F) {
	f.Add([]byte(packagesSeed))
	f.Add([]byte(packagesSeed + strings.Replace(packagesSeed, "pool/", "../", 1)))
	f.Add([]byte("# a comment\nPackage: x\n\n\n\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		list, err := parsePackages(bytes.NewReader(b), deb.Main)
		if err != nil {
			return
		}
		ix := &Index{packages: map[string][]*Package{}, provides: map[string][]*Package{}}
		for _, p := range list {
			if p.Name == "" || strings.ContainsAny(p.Name+p.Version+p.Arch+p.Source+p.Path+p.SHA256, "\n\x00") || p.Size < 0 {
				t.Errorf("package %+v", p)
			}
			if !validHash.MatchString(p.SHA256) {
				t.Errorf("hash %q", p.SHA256)
			}
			ix.add(p)
		}
		for _, p := range list {
			newest := ix.Newest(p.Name)
			if CompareVersions(p.Version, newest.Version) > 0 {
				t.Errorf("%s is newer than the newest, %s", p.Version, newest.Version)
			}
			closure, _, err := ix.Resolve([]string{p.Name}, nil, nil)
			if err == nil && !slices.Contains(closure, newest) {
				t.Errorf("what %s needs lacks itself", p.Name)
			}
		}
	})
}

var validHash = regexp.MustCompile(`^[0-9a-f]{64}$`)

// FuzzRelations reads dependency fields: what is read and printed is read the same.
func FuzzRelations(f *testing.F) {
	for _, s := range []string{"a", "a (>= 1:2), b:any | c", "a(=1)", "a (>> 1~) | b (<< 2) , c", "a (", ",", "a ((=) 1)"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		groups, err := ParseRelations(s)
		if err != nil {
			return
		}
		var parts []string
		for _, g := range groups {
			parts = append(parts, describe(g))
		}
		again, err := ParseRelations(strings.Join(parts, ", "))
		if err != nil {
			t.Fatalf("%q is printed as %q: %v", s, parts, err)
		}
		if diff := cmp.Diff(groups, again); diff != "" {
			t.Errorf("%q is printed as %q:\n%s", s, parts, diff)
		}
	})
}

// FuzzSources reads apt's configuration in both formats.
func FuzzSources(f *testing.F) {
	f.Add("deb [arch=amd64] http://example.test/debian trixie main # x\n")
	f.Add("Types: deb deb-src\nURIs: http://example.test/debian\nSuites: trixie trixie-updates\nComponents: main\n")
	f.Fuzz(func(t *testing.T, text string) {
		for _, s := range slices.Concat(parseList(text), parseDeb822(text)) {
			if strings.ContainsAny(s.uri+s.suite, " \n") || s.uri == "" || s.suite == "" {
				t.Errorf("%+v", s)
			}
		}
	})
}

// FuzzRelease signs a text and reads it; what is accepted lists hashes.
func FuzzRelease(f *testing.F) {
	key := debtest.Key(f, "key", debtest.Born, 0)
	f.Add("Origin: Debian\nCodename: trixie\nDate: Wed, 02 Jan 2030 03:04:05 UTC\nSHA256:\n " + strings.Repeat("ab", 32) + " 12 x\n")
	f.Add("Date: Wed, 02 Jan 2030 03:04:05 UTC\nSHA256:\n - x\n")
	f.Fuzz(func(t *testing.T, text string) {
		r, err := ParseRelease("it", debtest.Sign(t, text, debtest.Born, 0, key), openpgp.EntityList{key}, debtest.Born)
		if err != nil {
			return
		}
		for name, h := range r.files {
			if !validHash.MatchString(h.sha256) || h.size < 0 || name == "" {
				t.Errorf("%q has the hash %q and the size %d", name, h.sha256, h.size)
			}
		}
	})
}

// FuzzInRelease changes a signed file: whatever still is accepted says what was signed.
func FuzzInRelease(f *testing.F) {
	key := debtest.Key(f, "key", debtest.Born, 0)
	text := "Origin: Debian\nCodename: trixie\nDate: Wed, 02 Jan 2030 03:04:05 UTC\nSHA256:\n " + strings.Repeat("ab", 32) + " 12 x\n"
	good := debtest.Sign(f, text, debtest.Born, 0, key)
	f.Add(0, 0, "")
	f.Add(0, 0, "Origin: Evil\n\n")
	f.Add(len(good), 0, "Origin: Evil\n")
	f.Add(34, 0, "Hash: SHA1\n")
	f.Add(bytes.Index(good, []byte("Origin")), 6, "Origins")
	f.Fuzz(func(t *testing.T, at, drop int, insert string) {
		at = max(0, min(at, len(good)))
		doc := slices.Concat(good[:at], []byte(insert), good[min(len(good), at+max(0, drop)):])
		r, err := ParseRelease("it", doc, openpgp.EntityList{key}, debtest.Born)
		if err != nil {
			return
		}
		want := map[string]fileHash{"x": {strings.Repeat("ab", 32), 12}}
		if diff := cmp.Diff(want, r.files, cmp.AllowUnexported(fileHash{})); diff != "" || r.Origin != "Debian" || r.Codename != "trixie" {
			t.Errorf("%q is read as %+v", doc, r)
		}
	})
}

// versionSeeds are versions in which every rule of deb-version(7) shows.
var versionSeeds = []string{
	"", "0", "1", "01", "1.0", "1.0-0", "1:1", "0:1", "1~", "1~~", "1~a", "1a", "1b", "1+", "1.", "a", "1.2-3-4", "1.2-3", "1-~", "10", "9",
	"1.0~rc1-1", "1.0+dfsg-1+b1", "99999999999999999999999", "2:0", "10:0", "1-1", "1-01", "1-1.1", "1.18446744073709551616"}

// FuzzVersions checks that versions are totally ordered.
func FuzzVersions(f *testing.F) {
	for i, a := range versionSeeds {
		f.Add(a, versionSeeds[(i+1)%len(versionSeeds)], versionSeeds[(i*7+3)%len(versionSeeds)])
	}
	f.Fuzz(func(t *testing.T, a, b, c string) {
		ab, ba, bc, ac := CompareVersions(a, b), CompareVersions(b, a), CompareVersions(b, c), CompareVersions(a, c)
		if ab != -ba {
			t.Errorf("%q to %q is %d, the other way round %d", a, b, ab, ba)
		}
		if CompareVersions(a, a) != 0 {
			t.Errorf("%q is not itself", a)
		}
		if ab <= 0 && bc <= 0 && ac > 0 || ab == 0 && ac != bc {
			t.Errorf("%q to %q is %d, to %q %d, and %q to %q %d", a, b, ab, c, ac, b, c, bc)
		}
	})
}

// TestVersionsLikeDpkg compares with dpkg itself, where it is.
func TestVersionsLikeDpkg(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("dpkg"); err != nil {
		t.Skip("dpkg is not here to compare with: install dpkg")
	}
	valid := slices.DeleteFunc(slices.Clone(versionSeeds), func(v string) bool {
		// dpkg reads no versions without a digit, with an empty part, or with an epoch beyond an int.
		return v == "" || v == "a"
	})
	var script strings.Builder
	for _, a := range valid {
		for _, b := range valid {
			fmt.Fprintf(&script, "if dpkg --compare-versions '%[1]s' lt '%[2]s'; then echo -1; "+
				"elif dpkg --compare-versions '%[1]s' gt '%[2]s'; then echo 1; else echo 0; fi\n", a, b)
		}
	}
	out, err := exec.CommandContext(t.Context(), "sh", "-c", script.String()).Output()
	if err != nil {
		t.Fatal(err)
	}
	answers := strings.Fields(string(out))
	if len(answers) != len(valid)*len(valid) {
		t.Fatalf("dpkg gave %d answers of %d", len(answers), len(valid)*len(valid))
	}
	for i, a := range valid {
		for j, b := range valid {
			if got, want := fmt.Sprint(CompareVersions(a, b)), answers[i*len(valid)+j]; got != want {
				t.Errorf("%s to %s is %s, dpkg says %s", a, b, got, want)
			}
		}
	}
}
