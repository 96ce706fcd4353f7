package archive

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestLicences(t *testing.T) {
	t.Parallel()
	const format = "Format: copyright-format/1.0\n"
	tests := []struct {
		name, text string
		want       []string
	}{
		{"another format", "This is free software.\nLicense: GPL-2\n", nil},
		{"empty", "", nil},
		{"of files, not of texts",
			format + "\nFiles: *\nLicense: Expat\n\nFiles: b\nLicense: ISC\n text\n .\n more\n\nLicense: GPL-2+\n text\n",
			[]string{"ISC", "MIT"}},
		{"of all", format + "License: GPL-3+\n", []string{"GPL-3.0-or-later"}},
		{"once", format + "\nFiles: a\nLicense: X11\n\nFiles: b\nLicense: X11\n", []string{"X11"}},
		{"none", format + "\nFiles: a\nCopyright: me\n\nFiles: b\nLicense:\n text\n", nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(test.want, Licences(test.text)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestSPDX(t *testing.T) {
	t.Parallel()
	for field, want := range map[string]string{
		"GPL-2":                            "GPL-2.0-only",
		"GPL-2.0-only":                     "GPL-2.0-only",
		"LGPL-2.1+":                        "LGPL-2.1-or-later",
		"GFDL-NIV-1.3+":                    "GFDL-1.3-no-invariants-or-later",
		"BSD-3-clause or GPL-2":            "BSD-3-Clause OR GPL-2.0-only",
		"MIT or ISC and X11":               "MIT OR ISC AND X11",
		"GPL-3+ with Bison exception":      "GPL-3.0-or-later WITH Bison-exception-2.2",
		"GPL-2+ with OpenSSL exception":    "LicenseRef-Debian-GPL-2-or-later-with-OpenSSL-exception",
		"GPL":                              "LicenseRef-Debian-GPL",
		"public-domain":                    "LicenseRef-Debian-public-domain",
		"MIT/X11":                          "LicenseRef-Debian-MIT-X11",
		"GPL-2+, and Expat or LGPL-2":      "LicenseRef-Debian-GPL-2-or-later-and-Expat-or-LGPL-2",
		"BSD-3-clause-Berkeley and DEC":    "LicenseRef-Debian-BSD-3-clause-Berkeley AND LicenseRef-Debian-DEC",
		"Unknown-1 with Libtool exception": "LicenseRef-Debian-Unknown-1-with-Libtool-exception",
	} {
		if got := spdx(field); got != want {
			t.Errorf("%q gives %q, want %q", field, got, want)
		}
	}
}
