package registry

import (
	"net/http"
	"strconv"
	"time"
)

// waiting is a transport that heeds Retry-After (RFC 9110, section 10.2.3). It hands an answer 429 or 503 on when that time
// is over, so that the next try comes no sooner. No wait is longer than patience.
type waiting struct{ inner http.RoundTripper }

func (w waiting) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := w.inner.RoundTrip(request)
	if err != nil || response.StatusCode != http.StatusTooManyRequests && response.StatusCode != http.StatusServiceUnavailable {
		return response, err
	}
	timer := time.NewTimer(retryAfter(response.Header.Get("Retry-After")))
	defer timer.Stop()
	select {
	case <-timer.C:
		return response, nil
	case <-request.Context().Done():
		_ = response.Body.Close() // nobody reads it
		return nil, request.Context().Err()
	}
}

// retryAfter reads a number of seconds or a date. Anything else means no wait.
func retryAfter(value string) time.Duration {
	wish := time.Duration(0)
	if seconds, err := strconv.Atoi(value); err == nil {
		wish = time.Duration(min(seconds, int(patience/time.Second))) * time.Second
	} else if date, err := http.ParseTime(value); err == nil {
		wish = time.Until(date)
	}
	return min(max(wish, 0), patience)
}
