package platform

import (
	"strings"
	"testing"

	"github.com/strata-buildpacks/strata/builder/platform/internal/imagetest"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
)

// TestPassedOver asks what detection on one run image tells of those before it.
func TestPassedOver(t *testing.T) {
	t.Parallel()
	home, err := Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for ref, run := range map[string]imagetest.Run{"static:13": {}, "musl:13": {Variant: "musl"}, "glibc:13": {Variant: "glibc"}, "glibc:12": {Variant: "glibc", Version: "12"}} {
		if _, err := home.Put(ref, run.Image(t)); err != nil {
			t.Fatal(err)
		}
	}
	root := t.TempDir()
	const limited = "[[targets]]\nos = \"linux\"\n[[targets.distros]]\nname = \"strata-glibc\"\nversion = \"13\"\n"
	kittest.Write(t, root, map[string]string{
		"cnb/buildpacks/x_any/1/buildpack.toml":   "",
		"cnb/buildpacks/x_glibc/1/buildpack.toml": limited,
		"cnb/buildpacks/x_mixed/1/buildpack.toml": limited + "[[targets]]\nos = \"linux\"\n",
	})
	tests := []struct {
		name, group string
		before      []string
		want        bool
	}{
		{"a needed one is limited", "any glibc", []string{"static:13", "musl:13"}, true},
		{"to a version, too", "glibc", []string{"glibc:12"}, true},
		{"it has one of them", "glibc", []string{"static:13", "glibc:13"}, false},
		{"none is limited", "any mixed", []string{"static:13"}, false},
		{"the group can do without it", "any optional", []string{"static:13"}, false},
	}
	groups := map[string]string{
		"any": "x/any", "glibc": "x/glibc", "mixed": "x/mixed", "optional": "x/glibc",
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := &build{home: home, builder: &unpackedBuilder{root: root}, dir: t.TempDir()}
			toml, members := "", []member{}
			for name := range strings.FieldsSeq(tt.group) {
				toml += "[[group]]\nid = \"" + groups[name] + "\"\nversion = \"1\"\n"
				members = append(members, member{ID: groups[name], Optional: name == "optional"})
			}
			b.order.Order = []group{{members}}
			kittest.Write(t, b.dir, map[string]string{"layers/group.toml": toml})
			if got, err := b.passedOver(tt.before); err != nil || got != tt.want {
				t.Errorf("got %v (%v), want %v", got, err, tt.want)
			}
		})
	}
}
