package fetch

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"syscall"
	"time"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

// ErrGone says that every address answered that it does not have the file (HTTP 404 or 410).
var ErrGone = errors.New("the server does not have it")

// errSilent says that a server sent nothing for a while.
var errSilent = errors.New("the server stopped sending")

// errAddress says that a client cannot ask an address.
var errAddress = errors.New("its address is not an https, http or file URL")

// Mismatch says that a file is complete and not the right one.
type Mismatch struct {
	// Want and Got are the hashes in the form of Artifact.Sum. They are "" where no hash was compared.
	Want, Got string
	// Err is the reason where no hash was compared: the file is damaged, or Check refused it.
	Err error

	wantSize, gotSize int64
}

func (m *Mismatch) Error() string {
	switch {
	case m.Err != nil:
		return m.Err.Error()
	case m.wantSize != 0:
		return fmt.Sprintf("it has %d bytes, but must have %d", m.gotSize, m.wantSize)
	}
	return fmt.Sprintf("it has the hash %s, but must have %s", m.Got, m.Want)
}

// Unwrap returns Err.
func (m *Mismatch) Unwrap() error { return m.Err }

// status is an HTTP answer that is not the file.
type status struct {
	code       int
	retryAfter string
}

func (s *status) Error() string { return fmt.Sprintf("HTTP %d %s", s.code, http.StatusText(s.code)) }

func (s *status) Is(target error) bool {
	return target == ErrGone && (s.code == http.StatusNotFound || s.code == http.StatusGone)
}

// wait returns the server's Retry-After in seconds, at most 30.
func (s *status) wait() time.Duration {
	n, err := strconv.Atoi(s.retryAfter)
	if err != nil || n < 0 {
		return 0
	}
	return time.Duration(min(n, 30)) * time.Second
}

// broken is a connection that was lost after it had been made.
type broken struct{ err error }

func (b *broken) Error() string { return "the connection broke: " + b.err.Error() }
func (b *broken) Unwrap() error { return b.err }

// offline is a connection that could not be made.
type offline struct{ err error }

func (o *offline) Error() string { return o.err.Error() }
func (o *offline) Unwrap() error { return o.err }

// untrusted is a server whose certificate is not good.
type untrusted struct{ err error }

func (u *untrusted) Error() string { return u.err.Error() }
func (u *untrusted) Unwrap() error { return u.err }

// classify sorts the errors of the transport.
func classify(ctx context.Context, err error) error {
	if inner, ok := errors.AsType[*url.Error](err); ok {
		err = inner.Err // the address is around it
	}
	var op *net.OpError
	switch {
	case errors.As(err, new(*net.DNSError)), errors.As(err, &op) && op.Op == "dial", errors.Is(err, syscall.ENETUNREACH):
		return &offline{err}
	case errors.As(err, new(*tls.CertificateVerificationError)):
		return &untrusted{err}
	}
	return &broken{cmp.Or(context.Cause(ctx), err)}
}

// transient reports whether an error may go away by itself. An unknown host name does not: resolvers have asked again
// already.
func transient(err error) bool {
	if s, ok := errors.AsType[*status](err); ok {
		return s.code >= 500 || s.code == http.StatusTooManyRequests || s.code == http.StatusRequestTimeout
	}
	if o, ok := errors.AsType[*offline](err); ok {
		late, ok := errors.AsType[net.Error](o.err)
		return errors.Is(o.err, syscall.ECONNREFUSED) || ok && late.Timeout()
	}
	var b *broken
	return errors.As(err, &b)
}

// at is an error with the host that was asked.
type at struct {
	host string
	err  error
}

func (a *at) Error() string { return a.host + ": " + a.err.Error() }
func (a *at) Unwrap() error { return a.err }

// named adds the host to errors that do not name it.
func named(u *url.URL, err error) error {
	if errors.As(err, new(*status)) || errors.As(err, new(*broken)) || errors.As(err, new(*untrusted)) {
		return &at{u.Host, err}
	}
	return err
}

// anyMirror stands for the setting if several hold the addresses.
const anyMirror = "the mirror's address"

// explain turns the errors of all addresses into one fault. A wrong file counts most, a missing file counts least, and
// of the other errors the last one counts.
func explain(name, setting string, errs []error) error {
	check := cmp.Or(setting, anyMirror)
	if len(errs) == 0 {
		return fault.Fault{ID: "fetch-no-url", What: name, Err: errors.New("no address is configured for it"), Do: "set " + check}
	}
	var err error
	for _, e := range errs {
		if m, ok := errors.AsType[*Mismatch](e); ok {
			return fault.Fault{ID: "fetch-wrong-hash", What: name, Err: m,
				Do: "a server or a proxy has changed the file: do not use it, and check " + check}
		}
		if !errors.Is(e, ErrGone) {
			err = e
		}
	}
	if err == nil {
		return fault.Fault{ID: "fetch-gone", What: name, Err: ErrGone, Do: "use a newer version or a mirror that keeps old files"}
	}
	if ours, ok := errors.AsType[fault.Fault](err); ok {
		return ours
	}
	if _, ok := errors.AsType[*offline](err); ok {
		return fault.Fault{ID: "fetch-offline", What: name, Err: fmt.Errorf("no network: %w", err),
			Do: "check the connection, " + check + " and HTTP_PROXY/HTTPS_PROXY"}
	}
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return fault.Fault{ID: "fetch-certificate", What: name, Err: err,
			Do: "add the certificate authority to the system's bundle or set SSL_CERT_FILE"}
	}
	return fault.Fault{ID: "fetch-failed", What: name, Err: err, Do: "try again, or check " + check}
}

func diskFault(name string, err error) error {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("downloading %s: %w", name, err)
	}
	if fault.Full(err) {
		return fault.DiskFull(fmt.Errorf("downloading %s: %w", name, err))
	}
	return fault.Fault{ID: "fetch-cache", What: name, Err: fmt.Errorf("writing the download cache: %w", err),
		Do: "check the cache folder's permissions and free space"}
}
