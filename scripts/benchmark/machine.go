package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/strata-buildpacks/strata/builder/platform/store"
)

// download returns the folder of a module's source, verified by the go command.
func download(ctx context.Context, version string) (string, error) {
	cmd := exec.CommandContext(ctx, "go", "mod", "download", "-json", version)
	cmd.Dir = os.TempDir() // outside of this module
	output, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s: %w\n%s", cmd, err, output)
	}
	var module struct{ Dir string }
	err = json.Unmarshal(output, &module)
	return module.Dir, err
}

// serve shows an image of the store to ko in a registry at the loopback address and returns its name there.
func serve(ctx context.Context, s *store.Store, ref string) (string, error) {
	image, err := s.Find(ref, store.BuildStack(ref))
	if err != nil {
		return "", err
	}
	manifest, err := image.RawManifest()
	if err != nil {
		return "", err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	blobs := registry.NewDiskBlobHandler(filepath.Join(s.Dir(), "blobs")) // an OCI image layout has its folders
	quiet := registry.Logger(log.New(io.Discard, "", 0))                  // ko reports what goes wrong
	server := &http.Server{Handler: registry.New(registry.WithBlobHandler(blobs), quiet), ReadHeaderTimeout: time.Minute}
	go func() { _ = server.Serve(listener) }() // ends with the program
	repository, tag, _ := strings.Cut(ref, ":")
	address := fmt.Sprintf("http://%s/v2/%s/manifests/%s", listener.Addr(), repository, tag)
	request, err := http.NewRequestWithContext(ctx, http.MethodPut, address, bytes.NewReader(manifest))
	if err != nil {
		return "", err
	}
	request.Header.Set("Content-Type", string(types.OCIManifestSchema1))
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusCreated {
		return "", fmt.Errorf("%s %s: %s", request.Method, address, response.Status)
	}
	return listener.Addr().String() + "/" + ref, nil
}

// takeTools moves tools that strata build has installed, by patterns of their folders' names, into a folder, under other names.
func (b *bench) takeTools(dir string, names map[string]string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for pattern, to := range names {
		found, err := filepath.Glob(filepath.Join(b.dir, "home", "tools", "*", pattern))
		if err != nil {
			return err
		}
		if len(found) == 0 {
			return fmt.Errorf("strata build installed no %s", to)
		}
		if err := os.Rename(found[0], filepath.Join(dir, to)); err != nil {
			return err
		}
	}
	return nil
}

// output runs a command and returns what it prints.
func output(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	var said bytes.Buffer
	cmd.Stderr = &said
	text, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s: %w\n%s", strings.Join(args, " "), err, said.String())
	}
	return strings.TrimSpace(string(text)), nil
}

// load is the machine's load average of the last minute: other people's work shows in it.
func load() string {
	data, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return strconv.Quote(err.Error())
	}
	average, _, _ := strings.Cut(string(data), " ")
	return average
}
