package registry

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path"
	"sync"
	"time"
)

// small is how many bytes of an answer are read before it is handed on. Manifests and configurations are smaller: if one
// breaks off, its request fails and is made again.
const small = 1 << 20

// maxRedirects is how many times a request may be sent elsewhere, as for every client of net/http. The client of registries
// has a rule of its own for redirects, which has no bound.
const maxRedirects = 10

// redirectError is the error of a request that is sent elsewhere too often.
type redirectError struct{ host string }

func (e redirectError) Error() string {
	return fmt.Sprintf("it was redirected more than %d times, at last to %s", maxRedirects, e.host)
}

// redirects counts how many times a request was sent elsewhere, and returns the first one.
func redirects(request *http.Request) (first *http.Request, count int) {
	for ; request.Response != nil && request.Response.Request != nil; request = request.Response.Request {
		count++
	}
	return request, count
}

// largest is how many bytes an answer may have that is no blob. Registries take manifests of 4 MiB and often no larger ones
// (distribution-spec, "Pushing Manifests").
const largest = 8 << 20

// largeError is the error of an answer that is larger.
type largeError struct{ host string }

func (e largeError) Error() string {
	return fmt.Sprintf("%s answers with more than %d MiB where it should list or describe images", e.host, largest>>20)
}

// bounded is the body of an answer that is no blob.
type bounded struct {
	io.ReadCloser
	left int64
	host string
}

func (b *bounded) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return 0, largeError{b.host}
	}
	return n, err
}

// steady is a transport that ends a request when nothing has moved for as long as its patience. It does not try again
// itself: it marks its errors as temporary. It also ends a request that is redirected without an end.
type steady struct {
	inner    http.RoundTripper
	patience time.Duration
}

func (s steady) RoundTrip(request *http.Request) (*http.Response, error) {
	first, count := redirects(request)
	if count > maxRedirects {
		return nil, redirectError{request.URL.Host}
	}
	ctx, cancel := context.WithCancelCause(request.Context())
	w := &watch{ctx: ctx, stall: stallError{request.URL.Host, s.patience}}
	w.timer = time.AfterFunc(s.patience, func() { cancel(w.stall) })
	response, err := s.inner.RoundTrip(w.request(request))
	w.answer()
	if err != nil {
		err = w.explain(err)
		cancel(nil)
		return nil, err
	}
	response.Body = received{response.Body, w, cancel}
	if path.Base(path.Dir(first.URL.Path)) != "blobs" {
		response.Body = &bounded{response.Body, largest, request.URL.Host}
	}
	if request.Method == http.MethodGet {
		return whole(response)
	}
	return response, nil
}

// whole reads a small answer, so that the request fails if the answer breaks off.
func whole(response *http.Response) (*http.Response, error) {
	body := response.Body
	start, err := io.ReadAll(io.LimitReader(body, small))
	if err != nil {
		body.Close()
		return nil, err
	}
	response.Body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(start), body), body}
	return response, nil
}

// stallError is the error of a request for which nothing moved.
type stallError struct {
	host  string
	after time.Duration
}

func (e stallError) Error() string {
	return fmt.Sprintf("%s sent and took nothing for %s", e.host, e.after)
}

// Temporary makes the client try again.
func (stallError) Temporary() bool { return true }

// watch ends the context of a request that stalls.
type watch struct {
	ctx   context.Context
	stall stallError
	timer *time.Timer

	mu       sync.Mutex
	answered bool
}

// request returns a request whose body the watch sees as it is sent.
func (w *watch) request(request *http.Request) *http.Request {
	request = request.Clone(w.ctx)
	if request.Body == nil || request.Body == http.NoBody {
		return request
	}
	request.Body = sent{request.Body, w}
	if again := request.GetBody; again != nil {
		request.GetBody = func() (io.ReadCloser, error) {
			body, err := again()
			return sent{body, w}, err
		}
	}
	return request
}

// answer ends the watch over what is sent. A registry may answer before it has taken everything.
func (w *watch) answer() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.answered = true
	w.timer.Stop()
}

// explain returns the stall if that is what ended the context, and err otherwise.
func (w *watch) explain(err error) error {
	if errors.Is(context.Cause(w.ctx), w.stall) {
		return w.stall
	}
	return err
}

// sent is the body of a request. Whoever reads on has sent what was read before.
type sent struct {
	io.ReadCloser
	watch *watch
}

func (b sent) Read(p []byte) (int, error) {
	b.watch.mu.Lock()
	if !b.watch.answered {
		b.watch.timer.Reset(b.watch.stall.after)
	}
	b.watch.mu.Unlock()
	return b.ReadCloser.Read(p)
}

// received is the body of an answer. The time that its reader takes does not count.
type received struct {
	io.ReadCloser
	watch  *watch
	cancel context.CancelCauseFunc
}

func (b received) Read(p []byte) (int, error) {
	b.watch.timer.Reset(b.watch.stall.after)
	defer b.watch.timer.Stop()
	n, err := b.ReadCloser.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = b.watch.explain(err)
	}
	return n, err
}

func (b received) Close() error {
	b.cancel(nil)
	return b.ReadCloser.Close()
}
