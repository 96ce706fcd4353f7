package kittest

import (
	"errors"
	"strings"
	"testing"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

// Fault checks an error that an input caused: it is a fault, with a text and a next step, and a person reads one line.
func Fault(t testing.TB, err error) {
	t.Helper()
	f, ok := errors.AsType[fault.Fault](err)
	if !ok || f.ID == "" || f.What == "" || f.Do == "" || strings.ContainsAny(fault.Explain(err), "\r\n") {
		t.Errorf("got %#v, want a fault of one line", err)
	}
}
