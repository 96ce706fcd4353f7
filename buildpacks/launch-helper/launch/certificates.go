package main

import (
	"bytes"
	"encoding/pem"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// kind is the type of the bindings that are read.
const kind = "ca-certificates"

// bundles are where run images keep the authorities that they trust.
var bundles = []string{"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"}

// certificates writes a file of the authorities that the image trusts and those of the build and of bindings, and says
// to out, in TOML, which variables lead the app to it. Without any there is nothing to do.
func certificates(program string, env environment, out io.Writer) error {
	layer := filepath.Dir(filepath.Dir(program)) // which is layer/exec.d/certificates
	added, err := os.ReadFile(filepath.Join(layer, "embedded.pem"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("certificates: %w", err)
	}
	bound, err := boundCertificates(env["SERVICE_BINDING_ROOT"])
	if err != nil {
		return fmt.Errorf("certificates: %w", err)
	}
	if added = append(added, bound...); len(added) == 0 {
		return nil
	}
	trusted, err := trustedBundle(env["SSL_CERT_FILE"])
	if err != nil {
		return fmt.Errorf("certificates: %w", err)
	}
	file, err := place("pem", append(trusted, added...), env["TMPDIR"], "/tmp", "/dev/shm")
	if err != nil {
		return fmt.Errorf("certificates: %w", err)
	}
	for _, name := range []string{"SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS", "REQUESTS_CA_BUNDLE"} {
		if name != "SSL_CERT_FILE" && env[name] != "" {
			continue // who set it says what is in it
		}
		if _, err := fmt.Fprintf(out, "%s = %s\n", name, strconv.Quote(file)); err != nil {
			return fmt.Errorf("certificates: telling the launcher: %w", err)
		}
	}
	return nil
}

// trustedBundle reads the file that is named or, without one, the run image's.
func trustedBundle(named string) ([]byte, error) {
	candidates := bundles
	if named != "" {
		candidates = []string{named}
	}
	for _, path := range candidates {
		data, err := os.ReadFile(path)
		switch {
		case err == nil:
			return append(bytes.TrimRight(data, "\n"), '\n'), nil
		case named != "":
			return nil, fmt.Errorf("SSL_CERT_FILE: %w", err)
		case !errors.Is(err, fs.ErrNotExist):
			return nil, err
		}
	}
	return nil, nil
}

// boundCertificates returns the certificates of all bindings in order of their names and files.
func boundCertificates(root string) ([]byte, error) {
	if root == "" {
		return nil, nil
	}
	bindings, err := os.ReadDir(root)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var all []byte
	for _, binding := range bindings {
		dir := filepath.Join(root, binding.Name())
		is, err := os.ReadFile(filepath.Join(dir, "type"))
		if err != nil || !strings.EqualFold(strings.TrimSpace(string(is)), kind) {
			continue // another buildpack's or the app's own matter
		}
		some, err := certificatesOf(dir)
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
	}
	return all, nil
}

// certificatesOf returns the certificates of one binding.
func certificatesOf(dir string) ([]byte, error) {
	files, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var all []byte
	for _, file := range files {
		path := filepath.Join(dir, file.Name())
		// Kubernetes keeps the content in hidden folders beside links to it.
		if strings.HasPrefix(file.Name(), ".") || slices.Contains([]string{"type", "provider"}, file.Name()) {
			continue
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		some, err := parse(data)
		if err != nil {
			return nil, fmt.Errorf("%s %w", path, err)
		}
		all = append(all, some...)
	}
	return all, nil
}

// parse returns the certificates of a PEM file without what is between them.
func parse(data []byte) ([]byte, error) {
	var all []byte
	begun := bytes.Count(data, []byte("-----BEGIN "))
	for {
		var block *pem.Block
		if block, data = pem.Decode(data); block == nil {
			break
		}
		if block.Type != "CERTIFICATE" {
			return nil, errors.New("has a " + block.Type + "; leave certificates only")
		}
		all = append(all, pem.EncodeToMemory(&pem.Block{Type: block.Type, Bytes: block.Bytes})...)
		begun--
	}
	if begun != 0 || len(all) == 0 {
		return nil, errors.New("is not a certificate in PEM; correct it or remove it from the binding")
	}
	return all, nil
}

// place writes the content into a file of the first folder that can be written to. The name is made from the content:
// the processes of a container, which each come here, share one file.
func place(suffix string, content []byte, folders ...string) (string, error) {
	sum := fnv.New64a()
	_, _ = sum.Write(content) // never fails
	name := fmt.Sprintf("strata-certificates-%016x.%s", sum.Sum64(), suffix)
	folders = slices.DeleteFunc(folders, func(dir string) bool { return dir == "" })
	for _, dir := range folders {
		path := filepath.Join(dir, name)
		if same(path, content) || write(path, content) == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("none of %s can be written to; mount a writable folder at /tmp or name one in TMPDIR", strings.Join(folders, ", "))
}

// same reports whether the file is there, and nobody else can change it.
func same(path string, content []byte) bool {
	info, err := os.Lstat(path)
	if err != nil || !info.Mode().IsRegular() || info.Mode().Perm()&0o022 != 0 {
		return false
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	if !ok || int(owner.Uid) != os.Getuid() {
		return false
	}
	data, err := os.ReadFile(path)
	return err == nil && bytes.Equal(data, content)
}

// write makes the file whole or not at all.
func write(path string, content []byte) error {
	file, err := os.CreateTemp(filepath.Dir(path), "strata-certificates-*")
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	if err := errors.Join(err, file.Close()); err != nil {
		return errors.Join(err, os.Remove(file.Name()))
	}
	if err := os.Rename(file.Name(), path); err != nil {
		return errors.Join(err, os.Remove(file.Name()))
	}
	return nil
}
