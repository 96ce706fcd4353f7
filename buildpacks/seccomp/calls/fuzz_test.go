package calls_test

import (
	"bytes"
	"errors"
	"os"
	"slices"
	"testing"

	"github.com/strata-buildpacks/strata/buildpacks/seccomp/calls"
)

// FuzzOf reads programs. What a file is called a defect of, or its calls, are the same when it is read again, and sorted.
func FuzzOf(f *testing.F) {
	program, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte("\x7fELF"))
	f.Add(program[:4096])
	f.Fuzz(func(t *testing.T, content []byte) {
		found, err := calls.Of(t.Context(), bytes.NewReader(content))
		again, errAgain := calls.Of(t.Context(), bytes.NewReader(content))
		if (err == nil) != (errAgain == nil) || !slices.Equal(found.Numbers, again.Numbers) || !slices.IsSorted(found.Unknown) {
			t.Errorf("%+v, %v and then %+v, %v", found, err, again, errAgain)
		}
		if defect := new(calls.Defect); err != nil && errors.As(err, &defect) && err.Error() == "" {
			t.Error("a defect without words")
		}
	})
}
