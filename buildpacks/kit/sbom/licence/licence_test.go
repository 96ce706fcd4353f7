package licence_test

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
	"github.com/strata-buildpacks/strata/buildpacks/kit/sbom/licence"
)

const (
	isc = `Permission to use, copy, modify, and/or distribute this software for any purpose with or without fee is hereby granted,
provided that the above copyright notice and this permission notice appear in all copies.

THE SOFTWARE IS PROVIDED "AS IS" AND THE AUTHOR DISCLAIMS ALL WARRANTIES WITH REGARD TO THIS SOFTWARE INCLUDING ALL IMPLIED
WARRANTIES OF MERCHANTABILITY AND FITNESS. IN NO EVENT SHALL THE AUTHOR BE LIABLE FOR ANY SPECIAL, DIRECT, INDIRECT, OR
CONSEQUENTIAL DAMAGES OR ANY DAMAGES WHATSOEVER RESULTING FROM LOSS OF USE, DATA OR PROFITS, WHETHER IN AN ACTION OF CONTRACT,
NEGLIGENCE OR OTHER TORTIOUS ACTION, ARISING OUT OF OR IN CONNECTION WITH THE USE OR PERFORMANCE OF THIS SOFTWARE.
`
	// rare is a licence that is not among the common ones.
	rare = `Copying and distribution of this file, with or without modification, are permitted in any medium without royalty provided
the copyright notice and this notice are preserved. This file is offered as-is, without any warranty.
`
)

func TestOf(t *testing.T) {
	t.Parallel()
	apache, err := os.ReadFile("../../../../LICENSE")
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name  string
		files map[string]string
		want  []string
	}{
		{"one", map[string]string{"LICENSE": isc}, []string{"ISC"}},
		{"two, by their other names", map[string]string{"Licence.md": isc, "COPYING": string(apache)}, []string{"Apache-2.0", "ISC"}},
		{"twice the same", map[string]string{"LICENSE": isc, "LICENSE-2.txt": isc}, []string{"ISC"}},
		{"two in one text", map[string]string{"LICENSE": string(apache) + isc}, []string{"Apache-2.0", "ISC"}},
		{"one that few have", map[string]string{"LICENSE": rare}, []string{"FSFAP"}},
		{"other words", map[string]string{"LICENSE": "Ask us. " + strings.Repeat("We mean it. ", 50)}, nil},
		{"other names", map[string]string{"NOTICE": isc, "license.go": isc, "src/LICENSE": isc}, nil},
		{"a text that is no text", map[string]string{"LICENSE": isc + strings.Repeat(" ", 1<<20)}, nil},
		{"nothing", nil, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			kittest.Write(t, dir, test.files)
			if diff := cmp.Diff(test.want, licence.Of(dir)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	if got := licence.Of("absent"); got != nil {
		t.Errorf("got %v of a folder that is not there", got)
	}
}
