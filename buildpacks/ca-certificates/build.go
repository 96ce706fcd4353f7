package cacerts

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
	"github.com/strata-buildpacks/strata/buildpacks/kit/config"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/launchhelper"
	"github.com/strata-buildpacks/strata/buildpacks/kit/layer"
	"github.com/strata-buildpacks/strata/buildpacks/kit/tree"
)

// tools are the variables, besides SSL_CERT_FILE, that name a file of certificates to programs of a build.
var tools = []string{"NODE_EXTRA_CA_CERTS", "REQUESTS_CA_BUNDLE", "PIP_CERT", "CARGO_HTTP_CAINFO", "CURL_CA_BUNDLE", "GIT_SSL_CAINFO"}

func build(ctx context.Context, in bp.BuildContext) (bp.BuildResult, error) {
	s, err := read(in.Config)
	if err != nil {
		return bp.BuildResult{}, err
	}
	bound := in.Bindings(kind)
	if s.Embed && len(bound) == 0 {
		return bp.BuildResult{}, fault.Fault{
			ID:   "certificates-none",
			What: "BP_EMBED_CERTS is true, but the build has no binding of type " + kind,
			Do:   "give it one, or remove the variable",
		}
	}
	in.Log.Heading("Certificates")
	var own []byte
	for _, b := range bound {
		some, err := certificates(in, b)
		if err != nil {
			return bp.BuildResult{}, err
		}
		own = append(own, some...)
	}
	if len(bound) > 0 {
		if err := trustAtBuild(ctx, in, own); err != nil {
			return bp.BuildResult{}, err
		}
	}
	if !s.launches(len(bound) > 0) {
		return bp.BuildResult{}, nil
	}
	if !s.Embed {
		own = nil
	}
	return bp.BuildResult{}, trustAtLaunch(ctx, in, own)
}

// certificates returns the certificates of a binding, in the order of its files' names.
func certificates(in bp.BuildContext, b bp.Binding) ([]byte, error) {
	var all []byte
	for _, file := range slices.Sorted(maps.Keys(b.Secret)) {
		wrong := func(what, do string, err error) error {
			return fault.Fault{ID: "certificates-file", What: fmt.Sprintf("binding %s: %s %s", b.Name, file, what), Do: do, Err: err}
		}
		if strings.HasPrefix(file, ".") {
			continue // a file manager's
		}
		data := []byte(b.Secret[file])
		begun := bytes.Count(data, []byte("-----BEGIN "))
		count := 0
		for {
			var block *pem.Block
			if block, data = pem.Decode(data); block == nil {
				break
			}
			if block.Type != "CERTIFICATE" {
				return nil, wrong("has a "+block.Type, "leave certificates only", nil)
			}
			certificate, err := x509.ParseCertificate(block.Bytes)
			if err != nil {
				return nil, wrong("has a certificate that does not parse", "get it again from its issuer", err)
			}
			in.Log.Decision(certificate.Subject.String(), file, "binding "+b.Name)
			all = append(all, pem.EncodeToMemory(&pem.Block{Type: block.Type, Bytes: block.Bytes})...)
			count++
		}
		if count != begun || count == 0 {
			return nil, wrong("is not a certificate in PEM", "correct it or remove it from the binding", nil)
		}
	}
	if len(all) == 0 {
		return nil, fault.Fault{
			ID:   "certificates-empty",
			What: fmt.Sprintf("binding %s has no certificate", b.Name),
			Do:   "put PEM files into it, or remove it",
		}
	}
	return all, nil
}

// trustAtBuild makes a layer for later buildpacks. No image has it, because the machine's authorities may be in it.
func trustAtBuild(ctx context.Context, in bp.BuildContext, own []byte) error {
	_, err := in.Layers.Contribute(ctx, layer.Request{
		Name: "build", Flags: layer.Flags{Build: true},
		Fill: func(_ context.Context, l *layer.Layer) error {
			trusted, err := trusted(in.Env["SSL_CERT_FILE"])
			if err != nil {
				return err
			}
			file := filepath.Join(l.Path, "certificates.pem")
			l.BuildEnv.Override("SSL_CERT_FILE", file)
			for _, name := range tools {
				l.BuildEnv.Default(name, file)
			}
			return os.WriteFile(file, append(trusted, own...), 0o644)
		},
	})
	return err
}

// trusted reads the file that SSL_CERT_FILE names. Without one, it reads that of the build image.
func trusted(named string) ([]byte, error) {
	path := cmp.Or(named, config.Bundle)
	data, err := tree.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && named == "":
		return nil, nil
	case errors.Is(err, fs.ErrNotExist):
		return nil, fault.Fault{
			ID:   "certificates-trusted",
			What: "SSL_CERT_FILE is " + named + ", which the build does not have",
			Do:   "remove the variable, or mount the file",
		}
	case err != nil:
		return nil, fmt.Errorf("reading the authorities that the build trusts: %w", err)
	}
	return append(bytes.TrimRight(data, "\n"), '\n'), nil
}

// launchKey is everything that the layer of the app depends on.
type launchKey struct {
	Program  string `json:"program"`
	Embedded string `json:"embedded"` // SHA-256; "" without any
}

// trustAtLaunch makes the layer that has the launcher start the launch helper before the app.
func trustAtLaunch(ctx context.Context, in bp.BuildContext, embedded []byte) error {
	k := launchKey{Program: launchhelper.Path(in)}
	if len(embedded) > 0 {
		sum := sha256.Sum256(embedded)
		k.Embedded = hex.EncodeToString(sum[:])
		in.Log.Decision("At launch", "these and those of bindings", "BP_EMBED_CERTS")
	} else {
		in.Log.Decision("At launch", "those of bindings", "")
	}
	_, err := in.Layers.Contribute(ctx, layer.Request{
		Name: kind, Flags: layer.Flags{Launch: true}, Key: k,
		Fill: func(_ context.Context, l *layer.Layer) error {
			programs := filepath.Join(l.Path, "exec.d")
			if err := os.Mkdir(programs, 0o755); err != nil {
				return err
			}
			if len(embedded) > 0 {
				if err := os.WriteFile(filepath.Join(l.Path, "embedded.pem"), embedded, 0o644); err != nil {
					return err
				}
			}
			return os.Symlink(k.Program, filepath.Join(programs, "certificates"))
		},
	})
	return err
}
