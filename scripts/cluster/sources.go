package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"maps"
	"net"
	"net/http"
	"net/http/cgi"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	images "github.com/google/go-containerregistry/pkg/registry"
	"golang.org/x/mod/sumdb/dirhash"
)

// Where the cluster finds sources, and modules of a company, whose certificates no image has.
const (
	sources = "http://" + address + ":8000"
	modules = "https://" + address + ":8443"
)

// companyModule is what the server of modules has.
var companyModule = map[string]string{
	"go.mod":  "module modules.example.test/word\n\ngo 1.24\n",
	"word.go": "// Package word is for members of the company.\npackage word\n\n// Word is the word.\nconst Word = \"swordfish\"\n",
}

// serve starts the registry, the server of sources and the server of modules.
func (c *cluster) serve(ctx context.Context, company *authority) error {
	if err := os.MkdirAll(c.path("registry"), 0o700); err != nil {
		return err
	}
	discard := log.New(io.Discard, "", 0)
	blobs := images.NewDiskBlobHandler(c.path("registry"))
	err := listen(ctx, registry, images.New(images.WithBlobHandler(blobs), images.WithReferrersSupport(true), images.Logger(discard)), nil)
	if err != nil {
		return err
	}
	programs, err := output(ctx, nil, "git", "--exec-path")
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.Handle("/git/", &cgi.Handler{
		Path: filepath.Join(strings.TrimSpace(string(programs)), "git-http-backend"), Root: "/git",
		Env: []string{"GIT_PROJECT_ROOT=" + c.path("git"), "GIT_HTTP_EXPORT_ALL=1", "GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=safe.directory",
			"GIT_CONFIG_VALUE_0=*"},
	})
	mux.Handle("/", http.FileServer(http.Dir(c.path("blobs"))))
	if err := listen(ctx, strings.TrimPrefix(sources, "http://"), mux, nil); err != nil {
		return err
	}
	certificate, err := company.issue(nil, address)
	if err != nil {
		return err
	}
	files := http.FileServer(http.Dir(c.path("modules")))
	return listen(ctx, strings.TrimPrefix(modules, "https://"), files, &tls.Config{
		MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{certificate},
	})
}

// listen serves until the program ends, with TLS if there is a configuration.
func listen(ctx context.Context, at string, handler http.Handler, config *tls.Config) error {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", at)
	if err != nil {
		return err
	}
	if config != nil {
		listener = tls.NewListener(listener, config)
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: time.Minute, ErrorLog: log.New(io.Discard, "", 0)}
	go func() { _ = server.Serve(listener) }() // ends with the program
	return nil
}

// module writes the company's module for its server, as the protocol GOPROXY has it (https://go.dev/ref/mod#goproxy-protocol), and
// returns the lines of a go.sum.
func (c *cluster) module(path, version string, files map[string]string) (string, error) {
	var archive bytes.Buffer
	w := zip.NewWriter(&archive)
	for _, file := range slices.Sorted(maps.Keys(files)) {
		to, err := w.Create(path + "@" + version + "/" + file)
		if err == nil {
			_, err = io.WriteString(to, files[file])
		}
		if err != nil {
			return "", err
		}
	}
	if err := w.Close(); err != nil {
		return "", err
	}
	for ext, content := range map[string][]byte{
		"mod": []byte(files["go.mod"]), "zip": archive.Bytes(), "info": fmt.Appendf(nil, `{"Version": %q}`, version),
	} {
		if err := c.write(content, "modules", path, "@v", version+"."+ext); err != nil {
			return "", err
		}
	}
	all, err := dirhash.HashZip(c.path("modules", path, "@v", version+".zip"), dirhash.Hash1)
	if err != nil {
		return "", err
	}
	mod, err := dirhash.Hash1([]string{"go.mod"}, func(string) (io.ReadCloser, error) {
		return io.NopCloser(strings.NewReader(files["go.mod"])), nil
	})
	return fmt.Sprintf("%s %s %s\n%s %s/go.mod %s\n", path, version, all, path, version, mod), err
}

// blob serves a folder's files as an archive. Its name is where it is served.
func (c *cluster) blob(from, to string) error {
	var archive bytes.Buffer
	compressed := gzip.NewWriter(&archive)
	w := tar.NewWriter(compressed)
	if err := w.AddFS(os.DirFS(from)); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	if err := compressed.Close(); err != nil {
		return err
	}
	return c.write(archive.Bytes(), "blobs", to)
}

// commit serves a folder's files as the newest commit of a repository, and makes the repository.
func (c *cluster) commit(ctx context.Context, from, to, message string) error {
	repository := c.path("git", to)
	git := func(args ...string) error {
		_, err := output(ctx, nil, "git", append([]string{"--git-dir=" + repository, "--work-tree=" + from, "-c", "user.name=developer",
			"-c", "user.email=developer@example.test"}, args...)...)
		return err
	}
	if _, err := os.Stat(repository); err != nil {
		if _, err := output(ctx, nil, "git", "init", "-q", "--bare", "--initial-branch=main", repository); err != nil {
			return err
		}
		// kpack asks for a commit by its hash.
		if err := git("config", "uploadpack.allowAnySHA1InWant", "true"); err != nil {
			return err
		}
	}
	if err := git("add", "--all"); err != nil {
		return err
	}
	return git("commit", "-q", "-m", message)
}
