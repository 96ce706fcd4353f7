package registry

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

// answer is a registry that always answers the same.
type answer struct {
	status     int
	retryAfter string
}

func (a answer) RoundTrip(*http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: a.status, Header: http.Header{"Retry-After": {a.retryAfter}}, Body: http.NoBody}, nil
}

func TestWaiting(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		answer answer
		want   time.Duration
	}{
		{"seconds", answer{429, "7"}, 7 * time.Second},
		{"unavailable", answer{503, "2"}, 2 * time.Second},
		{"date", answer{429, "Sat, 01 Jan 2000 00:00:05 GMT"}, 5 * time.Second}, // the bubble begins with that year
		{"past", answer{429, "Fri, 31 Dec 1999 00:00:00 GMT"}, 0},
		{"too long", answer{429, "99999999999"}, time.Minute},
		{"negative", answer{429, "-7"}, 0},
		{"nonsense", answer{429, "soon"}, 0},
		{"none", answer{429, ""}, 0},
		{"another answer", answer{500, "7"}, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://registry.example.com/v2/", nil)
				if err != nil {
					t.Fatal(err)
				}
				response, err := waiting{test.answer}.RoundTrip(request)
				if err != nil || response.StatusCode != test.answer.status {
					t.Fatalf("got %v, %v", response, err)
				}
				if err := response.Body.Close(); err != nil {
					t.Error(err)
				}
				if got := time.Since(start); got != test.want {
					t.Errorf("waited %s, want %s", got, test.want)
				}
			})
		})
	}
}

func TestWaitingIsInterrupted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://registry.example.com/v2/", nil)
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		if response, err := (waiting{answer{429, "30"}}).RoundTrip(request); !errors.Is(err, context.DeadlineExceeded) {
			if err == nil {
				_ = response.Body.Close()
			}
			t.Errorf("got %v, want %v", err, context.DeadlineExceeded)
		}
		if got := time.Since(start); got != time.Second {
			t.Errorf("waited %s after the context's end at 1s", got)
		}
	})
}
