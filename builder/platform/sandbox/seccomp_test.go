package sandbox_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/elastic/go-seccomp-bpf/arch"
	"github.com/google/go-cmp/cmp"
)

// TestCalls has a command make system calls. The kernel would answer those that are refused with another error: their arguments are
// wrong, or there is no capability for them.
func TestCalls(t *testing.T) {
	t.Parallel()
	spec, output := world(t, "calls")
	if err := run(t, spec); err != nil {
		t.Fatal(err)
	}
	want := strings.Join([]string{
		"io_uring_setup operation not permitted", "io_uring_enter operation not permitted", "userfaultfd operation not permitted",
		"bpf operation not permitted", "perf_event_open operation not permitted", "keyctl operation not permitted",
		"add_key operation not permitted", "name_to_handle_at operation not permitted", "fsopen operation not permitted",
		"unshare operation not permitted", "vsock operation not permitted", "no randomness operation not permitted",
		"unknown operation not permitted", "personality <nil>", "socket <nil>",
	}, "\n") + "\n"
	if diff := cmp.Diff(want, output.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestProfile has a command make system calls of which its profile lacks two. What a sandbox refuses anyway is not told.
func TestProfile(t *testing.T) {
	t.Parallel()
	machine, err := arch.GetInfo("")
	if err != nil {
		t.Fatal(err)
	}
	lacking := []string{"personality", "socket"}
	spec, output := world(t, "calls")
	spec.Limited = true
	for _, call := range slices.Sorted(maps.Keys(machine.SyscallNames)) {
		if !slices.Contains(lacking, call) {
			spec.Calls = append(spec.Calls, call)
		}
	}
	told := map[string]bool{}
	spec.Refused = func(call string) { told[call] = true }
	if err := run(t, spec); err != nil {
		t.Fatal(err)
	}
	for _, call := range lacking {
		if want := call + " operation not permitted\n"; !strings.Contains(output.String(), want) {
			t.Errorf("want %q in:\n%s", want, output)
		}
	}
	if diff := cmp.Diff(lacking, slices.Sorted(maps.Keys(told))); diff != "" {
		t.Errorf("told of other calls (-want +got):\n%s", diff)
	}
}
