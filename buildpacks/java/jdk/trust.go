package jdk

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/tree"
	"github.com/strata-buildpacks/strata/buildpacks/kit/truststore"
)

// made is the time of entries in a key store. It says nothing.
var made = time.Date(1980, 1, 1, 0, 0, 1, 0, time.UTC)

// Trust writes into a folder a key store of the authorities that the build trusts, and returns the options by which Java uses it. Without
// any authority there are none, and Java has its own.
func Trust(in bp.Workspace, dir string) ([]string, error) {
	bundle := in.Env.Authorities()
	text, err := os.ReadFile(bundle)
	if errors.Is(err, fs.ErrNotExist) && in.Env["SSL_CERT_FILE"] == "" {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the authorities that the build trusts: %w", err)
	}
	certificates, err := truststore.Parse(text)
	if err != nil {
		return nil, fault.Fault{ID: "java-trust", What: "SSL_CERT_FILE is " + bundle, Err: err, Do: "name a file with certificates in PEM"}
	}
	store := filepath.Join(dir, "cacerts")
	if err := tree.WriteFile(store, truststore.JKS(certificates, made)); err != nil {
		return nil, fmt.Errorf("writing what Java trusts at build: %w", err)
	}
	return []string{"-Djavax.net.ssl.trustStore=" + store, "-Djavax.net.ssl.trustStoreType=jks"}, nil
}
