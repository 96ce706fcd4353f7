package main_test

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// launch is the program under test, compiled as it is for images.
var launch string

func TestMain(m *testing.M) { os.Exit(compile(m)) }

func compile(m *testing.M) int {
	dir, err := os.MkdirTemp("", "launch-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }()
	launch = filepath.Join(dir, "launch")
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w -buildid=", "-o", launch, ".")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "%v: %s", err, out)
		return 1
	}
	return m.Run()
}

// TestSize holds the program, which is in every image that asks for it, to its budget.
func TestSize(t *testing.T) {
	t.Parallel()
	const budget = 2_070_000
	info, err := os.Stat(launch)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d bytes", info.Size())
	if info.Size() > budget {
		t.Errorf("launch has %d bytes, budget is %d", info.Size(), budget)
	}
}

// outcome is what a program left.
type outcome struct {
	stdout, stderr string
	variables      string // what it wrote into file 3
	code           int
}

// finish runs a program as the launcher does.
func finish(t *testing.T, cmd *exec.Cmd) outcome {
	t.Helper()
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr, cmd.ExtraFiles = &stdout, &stderr, []*os.File{write}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	write.Close()
	variables, err := io.ReadAll(read)
	if err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // the code says the same
	return outcome{stdout.String(), stderr.String(), string(variables), cmd.ProcessState.ExitCode()}
}
