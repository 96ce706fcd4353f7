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

// Errors that callers tell apart. The client's faults wrap them.
var (
	ErrUnknown  = errors.New("the registry has nothing of that name")
	ErrIndex    = errors.New("it is an index of images for several platforms")
	ErrPlatform = errors.New("it has no image for")
)

// unknown is the answer of a registry that has nothing of a name. It is ErrUnknown too.
type unknown struct{ error }

func (unknown) Is(target error) bool { return target == ErrUnknown }
func (u unknown) Unwrap() error      { return u.error }

// explain says what to do about a registry's answer.
func explain(doing string, ref name.Reference, err error) error {
	return explainAt(doing+" "+ref.Name(), ref.Context().RegistryStr(), err)
}

// explainArtifact is explain for an artifact: a registry that takes images may not take those.
func explainArtifact(ref name.Reference, err error) error {
	var answer *transport.Error
	host := ref.Context().RegistryStr()
	if !errors.As(err, &answer) {
		return explain("pushing", ref, err)
	}
	if id, _ := answered(answer.StatusCode, host); id != "" {
		return explain("pushing", ref, err)
	}
	return fault.Fault{
		ID:   "registry-artifact",
		What: "pushing " + ref.Name() + ", which is attached to the image, failed",
		Err:  err,
		Do:   "leave what is attached out with --bare if " + host + " takes no OCI artifacts",
	}
}

func explainAt(doing, host string, err error) error {
	if errors.Is(err, context.Canceled) {
		return err
	}
	if known := (fault.Fault{}); errors.As(err, &known) { // of the credentials
		return known
	}
	f := fault.Fault{ID: "registry", What: doing + " failed", Err: err, Do: "ask who runs " + host}
	var answer *transport.Error
	switch {
	case errors.As(err, new(x509.UnknownAuthorityError)):
		f.ID, f.Do = "registry-certificate", "if the registry has a certificate of your own authority, name the file with that in SSL_CERT_FILE"
	case errors.As(err, new(redirectError)), errors.As(err, new(largeError)), errors.Is(err, errEndless), errors.Is(err, errLong):
	case errors.As(err, new(stallError)):
		f.ID, f.Do = "registry-slow", "try again later, or ask who runs "+host
	case errors.As(err, &answer):
		if id, do := answered(answer.StatusCode, host); id != "" {
			f.ID, f.Do = id, do
		}
		if answer.StatusCode == http.StatusNotFound {
			f.Err = unknown{err}
		}
	default:
		f.ID, f.Do = "registry-unreachable", "see whether "+host+" can be reached from here; HTTPS_PROXY and NO_PROXY are honoured"
	}
	return f
}

// answered returns what to do about a status; id is empty if the status says nothing.
func answered(status int, host string) (id, do string) {
	switch {
	case status == http.StatusUnauthorized:
		return "registry-login", "log in with `docker login " + host + "`"
	case status == http.StatusForbidden:
		return "registry-denied", "ask for the right to do this, or log in as somebody else with `docker login " + host + "`"
	case status == http.StatusNotFound:
		return "registry-unknown", "see whether the name is right"
	case status == http.StatusTooManyRequests:
		return "registry-limit", "wait before you try again; an account may have a higher limit"
	case status >= http.StatusInternalServerError:
		return "registry-broken", "try again later, or ask who runs " + host
	}
	return "", ""
}
