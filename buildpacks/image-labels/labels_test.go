package labels_test

import (
	"os"
	"path/filepath"
	"testing"

	labels "github.com/strata-buildpacks/strata/buildpacks/image-labels"
	"github.com/strata-buildpacks/strata/buildpacks/kit/config"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
)

func TestMain(m *testing.M) { kittest.Main(m, labels.Buildpack()) }

func TestDetect(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		env  config.Environment
		code int
		log  string
	}{
		{"set", config.Environment{"BP_IMAGE_LABELS": "a=b", "BP_OCI_TITLE": "x"}, 0,
			"strata/image-labels pass: BP_OCI_TITLE, BP_IMAGE_LABELS set\n"},
		{"unset", nil, 100, "strata/image-labels fail: neither BP_IMAGE_LABELS nor a BP_OCI variable is set\n"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got := kittest.Detect(t, kittest.Case{Env: test.env})
			if got.Code != test.code || got.Log() != test.log {
				t.Errorf("got code %d and %q, want %d and %q", got.Code, got.Log(), test.code, test.log)
			}
		})
	}
}

func TestBuild(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		env  config.Environment
		code int
	}{
		{name: "labels", env: config.Environment{"BP_IMAGE_LABELS": `team=web 'motto=small images' empty= sum=1+1=2`,
			"BP_OCI_REF_NAME": "shop", "BP_OCI_LICENSES": "MIT OR Apache-2.0"}},
		{name: "fault-no-value", env: config.Environment{"BP_IMAGE_LABELS": "team=web blue"}, code: 1},
		{name: "fault-no-label", env: config.Environment{"BP_IMAGE_LABELS": "=web"}, code: 1},
		{name: "fault-twice", env: config.Environment{"BP_IMAGE_LABELS": "team=web team=blue"}, code: 1},
		{name: "fault-twice-oci", env: config.Environment{"BP_IMAGE_LABELS": "org.opencontainers.image.title=a", "BP_OCI_TITLE": "b"}, code: 1},
		{name: "fault-reserved", env: config.Environment{"BP_IMAGE_LABELS": "io.buildpacks.rebasable=false"}, code: 1},
		{name: "no-shell", env: config.Environment{"BP_IMAGE_LABELS": `url=http://x/?a=1&b=2 price=$5 rule=a>b;c 'x=(y)'`}},
		{name: "fault-quote", env: config.Environment{"BP_IMAGE_LABELS": "'team=web"}, code: 1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got := kittest.Build(t, kittest.Case{Env: test.env})
			if got.Code != test.code {
				t.Errorf("exit code %d, want %d", got.Code, test.code)
			}
			text := got.Log()
			if test.code == 0 {
				launch, err := os.ReadFile(filepath.Join(got.Layers, "launch.toml"))
				if err != nil {
					t.Fatal(err)
				}
				text += "--- launch.toml\n" + string(launch)
			}
			kittest.Golden(t, test.name+".txt", text)
		})
	}
}
