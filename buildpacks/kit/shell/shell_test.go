package shell_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/strata-buildpacks/strata/buildpacks/kit/shell"
)

// TestSyntax tells where a line stops being one.
func TestSyntax(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]int{
		"server 'x": 8, `a "b`: 3, "a ${x:-y": 3, "server |": 8, "a && && b": 3, "a (b)": 1, "A=(1 2) node a": 1,
	} {
		_, err := shell.Parse(line)
		broken := new(shell.Error)
		if !errors.As(err, &broken) || broken.Part != "" || broken.Column != want {
			t.Errorf("%s: got %+v, want an error in column %d", line, err, want)
		}
	}
}

// TestTexts has words as the launch helper reads them, and as a person does.
func TestTexts(t *testing.T) {
	t.Parallel()
	got := shell.Texts([]shell.Word{`a\$b`, `"two words"`, "${PORT:-80}", `-p="${A}"`, `""`, `\&&`})
	if want := []string{"a$b", "two words", "${PORT:-80}", `-p="${A}"`, "", "&&"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
