package main

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/strata-buildpacks/strata/builder/platform/builderimage"
	"github.com/strata-buildpacks/strata/builder/platform/sandbox"
	"github.com/strata-buildpacks/strata/builder/registries"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

// TestConfigured lets a build through to what the builder, the build's registries and the proxies name, and to nothing that
// other variables name.
func TestConfigured(t *testing.T) {
	t.Parallel()
	b := &builderimage.Builder{Root: t.TempDir()}
	folder := filepath.Join(b.Root, "cnb", "build-config", "env")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{
		"GOPROXY": "http://10.0.0.1/go", "NPM_CONFIG_REGISTRY": "http://10.0.0.2/npm", "OTHER": "http://10.0.0.9/",
	} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(value), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	from := registries.List{{Variables: []string{"GOPROXY", "GOSUMDB"}}, {Variables: []string{"NPM_CONFIG_REGISTRY"}}}
	env := map[string]string{
		"GOPROXY": "http://10.0.0.3/go", "BP_DEPENDENCY_MIRROR_A_TEST": "https://10.0.0.4/mirror",
		"STRATA_DEBIAN_MIRROR": "http://10.0.0.5/debian",
		"DATABASE_URL":         "http://10.0.0.9/",
	}
	proxies := []string{"HTTP_PROXY=localhost:3128", "https_proxy=http://10.0.0.6:8080", "NO_PROXY=10.0.0.9"}
	rules, err := configured(b, from, env, proxies)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, rule := range rules {
		got = append(got, rule.String())
	}
	want := []string{"10.0.0.4:443", "10.0.0.3:80", "10.0.0.2:80", "10.0.0.5:80", "localhost:3128", "10.0.0.6:8080"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if rules, err := configured(&builderimage.Builder{Root: t.TempDir()}, from, nil, nil); err != nil || len(rules) > 0 {
		t.Errorf("without settings: got %v and %v", rules, err)
	}
}

// TestAllowedNeedsANetwork refuses a flag that would mean nothing.
func TestAllowedNeedsANetwork(t *testing.T) {
	t.Parallel()
	for network, good := range map[sandbox.Network]bool{sandbox.OwnNetwork: true, sandbox.NoNetwork: false, sandbox.HostNetwork: false} {
		rules, err := allowed(network, []string{"10.0.0.1", "db.test:5432"})
		if good && (err != nil || len(rules) != 2) || !good && !errors.As(err, new(fault.Fault)) {
			t.Errorf("%s: got %v and %v", network, rules, err)
		}
		if _, err := allowed(network, nil); err != nil {
			t.Errorf("%s without the flag: %v", network, err)
		}
	}
}
