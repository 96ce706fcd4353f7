package python

import "testing"

// TestTellsPatches has markers that hold for all later patches of Python 3.13.5 or for none, and those by which a later one gets others.
func TestTellsPatches(t *testing.T) {
	t.Parallel()
	for lines, want := range map[string]bool{
		"a==1\n": false, "": false,
		"a==1 ; python_version < '3.14'":                              false,
		"a==1 ; python_full_version < '3.14'":                         false,
		"a==1 ; python_full_version >= '3.13.0'":                      false,
		"a==1 ; python_full_version < '3.13.4'":                       false,
		"a==1 ; python_full_version < '3.12.9'":                       false,
		"a==1 ; python_full_version < '3.13.6'":                       true,
		"a==1 ; python_full_version <= '3.13.5'":                      true,
		`a==1 ; "3.13.10" > python_full_version`:                      true,
		"a==1 ; python_full_version < '3.13.6rc1'":                    true,
		"a==1 ; python_full_version not in '3.13.4, 3.13.6'":          true,
		"a==1 ; implementation_version == '3.13.7'":                   true,
		"a==1\nb==2 ; os_name == 'x' or python_full_version<'3.13.7'": true,
		"a==3.13.7 ; python_full_version < '3.14'":                    false,
		"a==1 ; python_full_version < '3.13.99999999999999999999'":    true,
	} {
		if got := tellsPatches("3.13.5", lines); got != want {
			t.Errorf("%q: %t", lines, got)
		}
	}
}
