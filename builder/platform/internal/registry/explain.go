package registry

import (
	"context"
	"crypto/x509"
	"errors"
	"net/http"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

// IDs of faults that callers tell apart.
const (
	Unknown = "registry-unknown" // the registry has nothing of that name
	Index   = "image-index"      // the name is that of an index
)

// explain says what to do about a registry's answer.
func explain(doing string, ref name.Reference, err error) error {
	return explainAt(doing+" "+ref.Name(), ref.Context().RegistryStr(), err)
}

// explainArtifact is explain for an artifact: a registry that takes images may not take those.
func explainArtifact(ref name.Reference, err error) error {
	err = explain("pushing", ref, err)
	if f := new(fault.Fault); errors.As(err, f) && f.ID == "registry" {
		f.ID, f.What = "registry-artifact", f.What+", which is attached to the image"
		f.Do = "leave what is attached out with --bare if " + ref.Context().RegistryStr() + " takes no OCI artifacts"
		return *f
	}
	return err
}

func explainAt(doing, host string, err error) error {
	if errors.Is(err, context.Canceled) {
		return err
	}
	f := fault.Fault{ID: "registry", What: doing + " failed", Err: err}
	var answer *transport.Error
	switch {
	case errors.As(err, new(x509.UnknownAuthorityError)):
		f.ID, f.Do = "registry-certificate", "if the registry has a certificate of your own authority, name the file with that in SSL_CERT_FILE"
	case errors.As(err, new(stallError)):
		f.ID, f.Do = "registry-slow", "try again later, or ask who runs "+host
	case errors.As(err, &answer):
		f.ID, f.Do = answered(answer.StatusCode, host)
	default:
		f.ID, f.Do = "registry-unreachable", "see whether "+host+" can be reached from here; HTTPS_PROXY and NO_PROXY are honoured"
	}
	return f
}

// answered is what to do about a status.
func answered(status int, host string) (id, do string) {
	switch {
	case status == http.StatusUnauthorized:
		return "registry-login", "log in with `docker login " + host + "`"
	case status == http.StatusForbidden:
		return "registry-denied", "ask for the right to do this, or log in as somebody else with `docker login " + host + "`"
	case status == http.StatusNotFound:
		return Unknown, "see whether the name is right"
	case status == http.StatusTooManyRequests:
		return "registry-limit", "wait before you try again; an account may have a higher limit"
	case status >= http.StatusInternalServerError:
		return "registry-broken", "try again later, or ask who runs " + host
	}
	return "registry", "ask who runs " + host
}
