package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestSize holds the binary that every builder image has to its budget. Of what there is, net/http with TLS are 3.2 MB, the
// texts of licensecheck 3.6 MB (0.5 MB compressed), reading Debian's packages 0.5 MB, and a compressor 0.1 MB; all buildpacks share them.
func TestSize(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("links the suite")
	}
	const budget = 15_000_000
	suite := filepath.Join(t.TempDir(), "suite")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-ldflags=-s -w", "-o", suite, ".")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	info, err := os.Stat(suite)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d bytes", info.Size())
	if info.Size() > budget {
		t.Errorf("suite has %d bytes, budget is %d", info.Size(), budget)
	}
}
