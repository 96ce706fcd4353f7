package bp_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/strata-buildpacks/strata/buildpacks/kit/config"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
)

// TestUnread warns of variables that are meant for the suite, if the buildpack is the first of its group. Under debugging
// it says what the build is given.
func TestUnread(t *testing.T) {
	t.Parallel()
	builder := t.TempDir()
	declare := func(id string, names ...string) string {
		text := fmt.Sprintf("api = \"0.10\"\n[buildpack]\nid = %q\nname = \"Sample\"\nversion = \"1\"\n", id)
		for _, name := range names {
			text += fmt.Sprintf("[[metadata.configurations]]\nname = %q\n", name)
		}
		return text
	}
	kittest.Write(t, builder, map[string]string{
		"strata_sample/1/buildpack.toml": declare("strata/sample", "BP_SAMPLE_MODE", "BP_SAMPLE_OTHER"),
		"strata_twin/1/buildpack.toml": declare("strata/twin", "BP_LONG_NAME_OF_TWIN") +
			"[[metadata.bindings]]\ntype = \"ca-certificates\"\n[[metadata.bindings]]\ntype = \"npmrc\"\n",
		"theirs/2/buildpack.toml": declare("theirs", "BP_LONG_THEIRS", "BP_OTHER_X"),
		"broken/3/buildpack.toml": "[metadata]\nconfigurations = 3\n",
	})
	env := config.Environment{
		"CNB_BUILDPACK_DIR": filepath.Join(builder, "strata_sample", "1"), "BP_LOG_LEVEL": "Debug",
		"BP_SAMPLE_MODE": "", "BP_SAMPLE_OTHER": "x", "BP_LONG_NAME_OF_TWIN": "x", "BP_LONG_THEIRS": "x", "BP_OTHER_Y": "x",
		"BP_SAMPLE_MODUS": "x", "BP_LONG_NAME_OF_TWINS": "x",
	}
	bindings := map[string]map[string]string{
		"corp": {"type": "CA-certificate", "a.pem": "s3cret"}, "login": {"type": "netrc"},
		"npm": {"type": "npmrc"}, "known": {"type": "CA-Certificates"},
	}
	const want = "Sample 1\n" +
		"    debug: the run image is static on linux/amd64 (target distribution strata-static)\n" +
		"    debug: the build plan asks for: strata/variables, x\n" +
		"    debug: variables that are set: BP_SAMPLE_OTHER\n" +
		"    debug: binding corp has the type CA-certificate and the keys: a.pem\n" +
		"    debug: binding known has the type CA-Certificates and the keys:\n" +
		"    debug: binding login has the type netrc and the keys:\n" +
		"    debug: binding npm has the type npmrc and the keys:\n" +
		"    debug: the variables of <builder>/broken/3/buildpack.toml are not known: toml: line 2 (last key \"metadata.configurations\"): " +
		"incompatible types: TOML value has type int64; destination has type slice\n" +
		"  warning: BP_LONG_NAME_OF_TWINS is set but nothing reads it; did you mean BP_LONG_NAME_OF_TWIN?\n" +
		"  warning: BP_SAMPLE_MODUS is set but nothing reads it; did you mean BP_SAMPLE_MODE?\n" +
		"  warning: binding corp has the type CA-certificate, which no buildpack of Strata reads; did you mean ca-certificates?\n" +
		"  warning: binding login has the type netrc, which no buildpack of Strata reads\n" +
		"  warning: binding npm has the type npmrc, which no buildpack of Strata reads for this app\n" +
		"    required true"
	c := kittest.Case{
		Env: env, Distro: "strata-static", Arch: "amd64", Bindings: bindings,
		Plan: kittest.First + "[entries.metadata]\nbindings = [\"ca-certificates\"]\n" +
			"[[entries]]\nname = \"x\"\n[[entries]]\nname = \"x\"\n",
	}
	got := kittest.Build(t, c)
	if text := strings.ReplaceAll(got.Log(), builder, "<builder>"); !strings.HasPrefix(text, want) {
		t.Errorf("got\n%s\nwant\n%s", text, want)
	}
	if got := kittest.Build(t, kittest.Case{Env: env, Bindings: bindings}); strings.Contains(got.Log(), "warning") {
		t.Errorf("a later buildpack warns again:\n%s", got.Log())
	}
}
