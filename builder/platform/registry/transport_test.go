package registry_test

import (
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	inprocess "github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/validate"

	"github.com/strata-buildpacks/strata/builder/platform/internal/platformtest"
	"github.com/strata-buildpacks/strata/builder/platform/registry"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
)

// direct hands requests to a registry without a network, whose time nobody could
// stop. What is in the way answers itself, or returns neither answer nor error.
type direct struct {
	registry http.Handler
	inTheWay func(*http.Request) (*http.Response, error)
}

func (d direct) RoundTrip(request *http.Request) (*http.Response, error) {
	if request.Body == nil {
		request.Body = http.NoBody
	}
	defer request.Body.Close() // as a transport has to
	if response, err := d.inTheWay(request); response != nil || err != nil {
		return response, err
	}
	recorder := httptest.NewRecorder()
	d.registry.ServeHTTP(recorder, request)
	response := recorder.Result()
	response.Request = request
	return response, nil
}

// stall waits until the client gives up.
func stall(request *http.Request) (*http.Response, error) {
	<-request.Context().Done()
	return nil, request.Context().Err()
}

// answer is an answer whose body is read from what is given.
func answer(request *http.Request, status int, header http.Header, body io.Reader) (*http.Response, error) {
	return &http.Response{StatusCode: status, Header: header, Body: io.NopCloser(body), ContentLength: -1, Request: request}, nil
}

// readFunc is a reader of one function.
type readFunc func([]byte) (int, error)

func (f readFunc) Read(p []byte) (int, error) { return f(p) }

// TestPatience has the first request of a method go wrong, and looks at the
// clock, which is the test's own, when the image has been there and back.
func TestPatience(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, method, path string
		wrong              func(*http.Request) (*http.Response, error)
		want               time.Duration
	}{
		{"no answer", http.MethodHead, "", stall, 61 * time.Second},
		{"stalls while it takes a blob", http.MethodPatch, "", func(request *http.Request) (*http.Response, error) {
			if _, err := request.Body.Read(make([]byte, 1)); err != nil {
				return nil, err
			}
			return stall(request)
		}, 61 * time.Second},
		{"stalls while it sends a blob", http.MethodGet, "/blobs/", func(request *http.Request) (*http.Response, error) {
			start := strings.NewReader("{")
			return answer(request, http.StatusOK, nil, io.MultiReader(start, readFunc(func([]byte) (int, error) {
				_, err := stall(request)
				return 0, err
			})))
		}, 61 * time.Second},
		{"cut while it sends a manifest", http.MethodGet, "/manifests/", func(request *http.Request) (*http.Response, error) {
			breaks := readFunc(func([]byte) (int, error) { return 0, io.ErrUnexpectedEOF })
			return answer(request, http.StatusOK, nil, io.MultiReader(strings.NewReader("{"), breaks))
		}, time.Second},
		{"500", http.MethodPut, "", func(request *http.Request) (*http.Response, error) {
			return answer(request, http.StatusInternalServerError, nil, http.NoBody)
		}, time.Second},
		{"nothing goes wrong", "", "", nil, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			image := platformtest.Run{}.Image(t)
			synctest.Test(t, func(t *testing.T) {
				var once atomic.Bool
				client := reach(t, func(request *http.Request) (*http.Response, error) {
					path := request.URL.Path
					asked := request.Method == test.method && strings.Contains(path, test.path) && path != "/v2/"
					if asked && once.CompareAndSwap(false, true) {
						return test.wrong(request)
					}
					return nil, nil
				})
				start := time.Now()
				thereAndBack(t, client, image)
				if took := time.Since(start); took != test.want {
					t.Errorf("took %s, want %s", took, test.want)
				}
				if test.wrong != nil && !once.Load() {
					t.Error("nothing went wrong")
				}
			})
		})
	}
}

// TestSlowButSteady reads an answer that takes longer than the patience, in steps that do not, and lets it wait for its reader.
func TestSlowButSteady(t *testing.T) {
	t.Parallel()
	image := platformtest.Run{}.Image(t)
	synctest.Test(t, func(t *testing.T) {
		client := reach(t, func(request *http.Request) (*http.Response, error) {
			if request.Method != http.MethodPatch {
				return nil, nil
			}
			for one := make([]byte, 16); ; time.Sleep(50 * time.Second) {
				switch _, err := request.Body.Read(one); {
				case errors.Is(err, io.EOF):
					return answer(request, http.StatusTeapot, nil, http.NoBody)
				case err != nil:
					return nil, err
				case request.Context().Err() != nil:
					return nil, request.Context().Err()
				}
			}
		})
		start := time.Now()
		err := client.Push(t.Context(), []name.Reference{reference(t)}, image)
		var f fault.Fault
		if !errors.As(err, &f) || f.ID != "registry" {
			t.Errorf("a registry that took everything at last and refused it: %v", err)
		}
		if took := time.Since(start); took < 2*time.Minute {
			t.Errorf("took %s, which is no test", took)
		}
	})
}

// TestSlow is a registry that never answers.
func TestSlow(t *testing.T) {
	t.Parallel()
	image := platformtest.Run{}.Image(t)
	synctest.Test(t, func(t *testing.T) {
		client := reach(t, stall)
		start := time.Now()
		err := client.Push(t.Context(), []name.Reference{reference(t)}, image)
		if f := (fault.Fault{}); !errors.As(err, &f) {
			t.Fatalf("want a fault, got %v", err)
		}
		kittest.Golden(t, "slow.txt", err.Error()+"\n")
		if took, want := time.Since(start), 184*time.Second; took != want { // three times a minute, and 1 s and 3 s between them
			t.Errorf("took %s, want %s", took, want)
		}
	})
}

// reach makes a client of an empty registry.
func reach(t *testing.T, inTheWay func(*http.Request) (*http.Response, error)) *registry.Client {
	t.Helper()
	client, err := registry.New(registry.Options{
		Backoff:   remote.Backoff{Duration: time.Second, Factor: 3, Steps: 3},
		Transport: direct{inprocess.New(inprocess.Logger(log.New(io.Discard, "", 0))), inTheWay},
	})
	if err != nil {
		t.Fatal(err)
	}
	return client
}

func reference(t *testing.T) name.Reference {
	return platformtest.Parse(t, "registry.example.com/app:1")
}

// thereAndBack pushes an image and reads it.
func thereAndBack(t *testing.T, client *registry.Client, image v1.Image) {
	t.Helper()
	if err := client.Push(t.Context(), []name.Reference{reference(t)}, image); err != nil {
		t.Fatal(err)
	}
	got, err := client.Single(t.Context(), reference(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := validate.Image(got); err != nil {
		t.Error(err)
	}
}
