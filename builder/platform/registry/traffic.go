package registry

import (
	"context"
	"io"
	"net/http"
	"sync/atomic"
)

// Traffic counts the bytes of the bodies that were sent to registries.
type Traffic struct{ sent atomic.Int64 }

// Sent is the number of bytes.
func (t *Traffic) Sent() int64 { return t.sent.Load() }

type trafficKey struct{}

// WithTraffic returns a context whose requests traffic counts.
func WithTraffic(ctx context.Context, traffic *Traffic) context.Context {
	return context.WithValue(ctx, trafficKey{}, traffic)
}

// counting is a transport that counts for the traffic of a request's context.
type counting struct{ inner http.RoundTripper }

func (c counting) RoundTrip(request *http.Request) (*http.Response, error) {
	traffic, ok := request.Context().Value(trafficKey{}).(*Traffic)
	if ok && request.Body != nil && request.Body != http.NoBody {
		request = request.Clone(request.Context())
		request.Body = countingBody{request.Body, traffic}
	}
	return c.inner.RoundTrip(request)
}

type countingBody struct {
	io.ReadCloser
	traffic *Traffic
}

func (b countingBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.traffic.sent.Add(int64(n))
	return n, err
}
