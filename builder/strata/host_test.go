package main

import "testing"

func TestWithoutLogins(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ variable, value, err string }{
		{"GOPROXY", "https://proxy.example.test|https://other.example.test,direct", ""},
		{npmVariable, "https://npm.example.test/", ""},
		{"GOPROXY", "https://proxy.example.test,https://ann:secret@other.example.test",
			"GOPROXY has an address with a login, which everybody who has the builder could read; set it without, and give the login to each build in a binding of type netrc"},
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
