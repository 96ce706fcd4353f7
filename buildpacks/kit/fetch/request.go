package fetch

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"syscall"
	"time"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

// Document returns a small file that has no known hash; the caller must verify it by other means, such as a
// signature. Files above limit bytes are refused.
func (c *Client) Document(ctx context.Context, name string, limit int64, urls ...string) ([]byte, error) {
	var errs []error
	for _, url := range urls {
		var doc []byte
		err := c.retry(ctx, func() (err error) {
			doc, err = c.read(ctx, url, limit)
			return err
		})
		if err == nil {
			c.progress(name, int64(len(doc)), int64(len(doc)))
			return doc, nil
		}
		if ctx.Err() != nil {
			return nil, fmt.Errorf("downloading %s: %w", name, context.Cause(ctx))
		}
		errs = append(errs, err)
	}
	return nil, explain(Artifact{Name: name}, errs)
}

func (c *Client) read(ctx context.Context, url string, limit int64) ([]byte, error) {
	resp, err := c.ask(ctx, url, 0)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	var b bytes.Buffer
	if _, err := io.Copy(&b, io.LimitReader(resp.Body, limit+1)); err != nil {
		return nil, &broken{err}
	}
	if int64(b.Len()) > limit {
		return nil, fmt.Errorf("it has more than %d bytes", limit)
	}
	return b.Bytes(), nil
}

// ask sends a GET for the bytes from offset on. A status other than 200 and 206 is an error.
func (c *Client) ask(ctx context.Context, url string, offset int64) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	if offset > 0 {
		req.Header.Set("Range", "bytes="+strconv.FormatInt(offset, 10)+"-")
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, classify(err)
	}
	switch {
	case resp.StatusCode == http.StatusOK:
		return resp, nil
	case resp.StatusCode == http.StatusPartialContent && offset > 0 && rangeStart(resp) == offset:
		return resp, nil
	}
	resp.Body.Close()
	if offset > 0 && (resp.StatusCode == http.StatusRequestedRangeNotSatisfiable || resp.StatusCode == http.StatusPartialContent) {
		return c.ask(ctx, url, 0)
	}
	return nil, &status{resp.StatusCode, resp.Header.Get("Retry-After")}
}

// rangeStart returns the first byte position of a 206 response, -1 if there is none.
func rangeStart(resp *http.Response) int64 {
	var start int64
	if n, err := fmt.Sscanf(resp.Header.Get("Content-Range"), "bytes %d-", &start); n != 1 || err != nil {
		return -1
	}
	return start
}

// retry calls f again after errors that may go away by themselves.
func (c *Client) retry(ctx context.Context, f func() error) error {
	wait := c.backoff
	for try := 1; ; try++ {
		err := f()
		if err == nil || try == tries || !transient(err) {
			return err
		}
		if s, ok := errors.AsType[*status](err); ok {
			wait = max(wait, s.wait())
		}
		t := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			t.Stop()
			return context.Cause(ctx)
		case <-t.C:
		}
		wait *= 2
	}
}

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

// mismatch is a complete file with the wrong bytes.
type mismatch struct {
	algorithm         string
	want, got         string
	wantSize, gotSize int64
}

func (m *mismatch) Error() string {
	if m.wantSize != 0 && m.wantSize != m.gotSize {
		return fmt.Sprintf("wrong size: want %d bytes, got %d", m.wantSize, m.gotSize)
	}
	return fmt.Sprintf("wrong %s: want %s, got %s", m.algorithm, m.want, m.got)
}

// classify sorts transport errors. The address is left out of the text: names, not addresses, are for people.
func classify(err error) error {
	var op *net.OpError
	var dns *net.DNSError
	switch {
	case errors.As(err, &dns), errors.As(err, &op) && op.Op == "dial", errors.Is(err, syscall.ENETUNREACH):
		return &offline{unwrapURL(err)}
	}
	if _, ok := errors.AsType[*x509.UnknownAuthorityError](err); ok {
		return unwrapURL(err)
	}
	return &broken{unwrapURL(err)}
}

// unwrapURL drops the `Get "…":` that net/http puts before its errors.
func unwrapURL(err error) error {
	if inner := errors.Unwrap(err); inner != nil {
		return inner
	}
	return err
}

func transient(err error) bool {
	if s, ok := errors.AsType[*status](err); ok {
		return s.code >= 500 || s.code == http.StatusTooManyRequests || s.code == http.StatusRequestTimeout
	}
	var b *broken
	return errors.As(err, &b)
}

// explain turns what all the URLs answered into one fault. The last error is the most telling one, except
// that a wrong hash is worse than anything else.
func explain(a Artifact, errs []error) error {
	if len(errs) == 0 {
		return fault.Fault{ID: "fetch-no-url", What: a.Name, Err: errors.New("no address is configured for it"), Do: "configure a mirror"}
	}
	err := errs[len(errs)-1]
	for _, e := range errs {
		if m, ok := errors.AsType[*mismatch](e); ok {
			return fault.Fault{ID: "fetch-wrong-hash", What: a.Name, Err: m,
				Do: "the mirror or a proxy changed the file: do not use it, try another mirror"}
		}
	}
	if ours, ok := errors.AsType[fault.Fault](err); ok {
		return ours
	}
	if _, ok := errors.AsType[*offline](err); ok {
		return fault.Fault{ID: "fetch-offline", What: a.Name, Err: fmt.Errorf("no network: %w", err),
			Do: "check the connection, the mirror's address and HTTP_PROXY/HTTPS_PROXY"}
	}
	if _, ok := errors.AsType[*x509.UnknownAuthorityError](err); ok {
		return fault.Fault{ID: "fetch-certificate", What: a.Name, Err: err,
			Do: "add the certificate authority to the system's bundle or set SSL_CERT_FILE"}
	}
	return fault.Fault{ID: "fetch-failed", What: a.Name, Err: err, Do: "try again, or configure another mirror"}
}

func diskFault(name string, err error) error {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("downloading %s: %w", name, err)
	}
	return fault.Fault{ID: "fetch-cache", What: name, Err: fmt.Errorf("writing the download cache: %w", err),
		Do: "check the cache folder's permissions and free space"}
}
