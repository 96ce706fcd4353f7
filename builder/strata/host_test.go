package main

import (
	"os/exec"
	"testing"
)

func TestWithoutLogins(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ variable, value, err string }{
		{"GOPROXY", "https://proxy.example.test|https://other.example.test,direct", ""},
		{npmVariable, "https://npm.example.test/", ""},
		{"GOPROXY", "https://proxy.example.test,https://ann:secret@other.example.test",
			"GOPROXY has an address with a login, which everybody who has the builder could read; set it without, and give the login to each build in a binding of type netrc"},
		{"GOSUMDB", "sum.example.test+1234 https://ann:secret@sum.example.test",
			"GOSUMDB has an address with a login, which everybody who has the builder could read; set it without, and give the login to each build in a binding of type netrc"},
		{npmVariable, "https://token@npm.example.test/",
			"NPM_CONFIG_REGISTRY has an address with a login, which everybody who has the builder could read; set it without, and give the login to each build in a binding of type npmrc"},
	} {
		err := withoutLogins(map[string]string{test.variable: test.value})
		if got := errorText(err); got != test.err {
			t.Errorf("%s=%s\ngot  %q\nwant %q", test.variable, test.value, got, test.err)
		}
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// TestNpmKeepsLogins has npm refuse to print an address with a login.
func TestNpmKeepsLogins(t *testing.T) {
	if _, err := exec.LookPath("npm"); err != nil {
		t.Skip("needs npm: install the package npm")
	}
	t.Setenv(npmVariable, "https://ann:secret@npm.example.test/")
	_, err := bakedEnv(t.Context())
	if got, want := errorText(err), loginFault(npmVariable, "npmrc").Error(); got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}
