package config_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/strata-buildpacks/strata/buildpacks/kit/config"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
)

const declared = `
[[metadata.configurations]]
name = "BP_T_VERSION"
default = "1.*"
description = "version"
build = true

[[metadata.configurations]]
name = "BP_T_RACE_ENABLED"
default = "false"

[[metadata.configurations]]
name = "BP_T_TARGETS"

[[metadata.configurations]]
name = "BP_T_SCRIPTS"

[[metadata.configurations]]
name = "BP_T_FLAGS"
default = "-trimpath"
launch = true
`

type settings struct {
	Version string   `config:"BP_T_VERSION"`
	Race    bool     `config:"BP_T_RACE_ENABLED"`
	Targets []string `config:"BP_T_TARGETS,list"`
	Scripts []string `config:"BP_T_SCRIPTS,names"`
	Flags   []string `config:"BP_T_FLAGS,argv"`
	Other   int
}

func read(t *testing.T, env config.Environment) config.Config {
	t.Helper()
	dir := t.TempDir()
	kittest.Write(t, dir, map[string]string{"buildpack.toml": declared})
	variables, err := config.Declared(dir + "/buildpack.toml")
	if err != nil {
		t.Fatal(err)
	}
	return config.New(variables, env)
}

func TestDecode(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		env   config.Environment
		want  settings
		fault string // its ID
	}{
		{name: "defaults", want: settings{Version: "1.*", Flags: []string{"-trimpath"}}},
		{name: "empty is not set", env: config.Environment{"BP_T_VERSION": ""}, want: settings{Version: "1.*", Flags: []string{"-trimpath"}}},
		{
			name: "all",
			env: config.Environment{
				"BP_T_VERSION": " 1.26 ", "BP_T_RACE_ENABLED": "Yes", "BP_T_TARGETS": "./a:./b, ./c", "BP_T_SCRIPTS": "build:prod, b",
				"BP_T_FLAGS": `-x "a b" ''`,
			},
			want: settings{
				Version: "1.26", Race: true, Targets: []string{"./a", "./b", "./c"}, Scripts: []string{"build:prod", "b"},
				Flags: []string{"-x", "a b", ""},
			},
		},
		{
			name: "what a shell would do", env: config.Environment{"BP_T_FLAGS": `-X a=http://h/?b=1&c=$(d);e>(f) '$g' #h`},
			want: settings{Version: "1.*", Flags: []string{"-X", "a=http://h/?b=1&c=$(d);e>(f)", "$g", "#h"}},
		},
		{name: "bad bool", env: config.Environment{"BP_T_RACE_ENABLED": "ja"}, fault: "variable-not-boolean"},
		{name: "bad words", env: config.Environment{"BP_T_FLAGS": `-x "a`}, fault: "variable-not-words"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var got settings
			err := read(t, test.env).Decode(&got)
			if test.fault != "" {
				var f fault.Fault
				if !errors.As(err, &f) || f.ID != test.fault {
					t.Fatalf("got error %v, want fault %s", err, test.fault)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("settings (-want +got):\n%s", diff)
			}
		})
	}
}

func TestDecodeBooleans(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]bool{
		"true": true, "1": true, "yes": true, "ON": true, "True ": true,
		"false": false, "0": false, "no": false, "Off": false,
	} {
		var got struct {
			Race bool `config:"BP_T_RACE_ENABLED"`
		}
		if err := read(t, config.Environment{"BP_T_RACE_ENABLED": value}).Decode(&got); err != nil || got.Race != want {
			t.Errorf("%q: got %t and error %v, want %t", value, got.Race, err, want)
		}
	}
}

func TestUndeclaredIsInternal(t *testing.T) {
	t.Parallel()
	var s struct {
		Field string `config:"BP_T_NOT_DECLARED"`
	}
	if err := read(t, nil).Decode(&s); fault.Code(err) != fault.CodeInternal {
		t.Errorf("got %v, want an internal error", err)
	}
}

func TestUnread(t *testing.T) {
	t.Parallel()
	ours := []string{"BP_T_VERSION", "BP_T_TARGETS", "BP_OCI_TITLE", "BP_LIVE_RELOAD_ENABLED", "BPL_DEBUG_PORT", "BP_EMBED_CERTS",
		"PORT", "BP_T_MIRROR_<HOST>"}
	got := config.Environment{
		"BP_T_VERSON": "1", "BP_T_TARGET": "x", "BP_T_QQQQQQQQ": "x", "BP_T_VERSION": "1", "BP_T_THEIRS": "x", "BP_OTHER_X": "x", "BP_OCI": "x",
		"BP_OCI_TITEL": "x", "BP_LIVE_RELOD_ENABLED": "x", "BPL_DEBUG_POTR": "x", "PORT": "1", "PORTS": "1", "PATH": "x", "BP_LOG_LEVEL": "x",
		"BP_EMBEDD_CERTS": "x", "BP_EMBDE_CERTS": "x", "EMBED_CERTS": "x", "BP_ENABLE_CERTS": "x",
		"BP_T_MIRROR_EXAMPLE_COM": "x", "BP_T_MIROR_EXAMPLE": "x",
	}.Unread(ours, []string{"BP_T_THEIRS", "BP_OTHER_Y"})
	want := []string{
		"BPL_DEBUG_POTR is set but nothing reads it; did you mean BPL_DEBUG_PORT?",
		"BP_EMBDE_CERTS is set but nothing reads it; did you mean BP_EMBED_CERTS?",
		"BP_EMBEDD_CERTS is set but nothing reads it; did you mean BP_EMBED_CERTS?",
		"BP_LIVE_RELOD_ENABLED is set but nothing reads it; did you mean BP_LIVE_RELOAD_ENABLED?",
		"BP_OCI_TITEL is set but nothing reads it; did you mean BP_OCI_TITLE?",
		"BP_T_MIROR_EXAMPLE is set but nothing reads it",
		"BP_T_QQQQQQQQ is set but nothing reads it",
		"BP_T_TARGET is set but nothing reads it; did you mean BP_T_TARGETS?",
		"BP_T_VERSON is set but nothing reads it; did you mean BP_T_VERSION?",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("warnings (-want +got):\n%s", diff)
	}
}

func TestEnvironment(t *testing.T) {
	t.Parallel()
	env := config.FromList([]string{"B=2", "A=1", "A=3=x", "EMPTY="})
	if diff := cmp.Diff([]string{"A=3=x", "B=2", "EMPTY="}, env.List()); diff != "" {
		t.Errorf("list (-want +got):\n%s", diff)
	}
	more := env.With(config.Environment{"B": "4"}).Only("B", "C")
	if diff := cmp.Diff(config.Environment{"B": "4"}, more); diff != "" {
		t.Errorf("with and only (-want +got):\n%s", diff)
	}
	if env["B"] != "2" {
		t.Error("With changed its receiver")
	}
}

func TestGit(t *testing.T) {
	t.Parallel()
	env := config.Environment{
		"GIT_SSL_CAINFO": "/ca.pem", "GIT_TERMINAL_PROMPT": "1", "SSH_AUTH_SOCK": "/agent", "HOME": "/home", "GITHUB_TOKEN": "secret",
		"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "url.x.insteadOf", "GIT_CONFIG_VALUE_0": "y",
	}
	want := config.Environment{
		"GIT_SSL_CAINFO": "/ca.pem", "GIT_TERMINAL_PROMPT": "0", "SSH_AUTH_SOCK": "/agent", "GIT_OPTIONAL_LOCKS": "0", "GIT_NO_LAZY_FETCH": "1",
		"GIT_CONFIG_COUNT": "6", "GIT_CONFIG_KEY_0": "url.x.insteadOf", "GIT_CONFIG_VALUE_0": "y",
		"GIT_CONFIG_KEY_1": "safe.directory", "GIT_CONFIG_VALUE_1": "*", "GIT_CONFIG_KEY_2": "core.fsmonitor", "GIT_CONFIG_VALUE_2": "false",
		"GIT_CONFIG_KEY_3": "core.hooksPath", "GIT_CONFIG_VALUE_3": "/dev/null",
		"GIT_CONFIG_KEY_4": "log.showSignature", "GIT_CONFIG_VALUE_4": "false",
		"GIT_CONFIG_KEY_5": "diff.ignoreSubmodules", "GIT_CONFIG_VALUE_5": "all",
	}
	if diff := cmp.Diff(want, env.Git()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := (config.Environment{}).Git(); got["GIT_CONFIG_COUNT"] != "5" || got["GIT_CONFIG_KEY_0"] != "safe.directory" {
		t.Errorf("got %v of nothing", got)
	}
}
