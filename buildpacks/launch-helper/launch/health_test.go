package main_test

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"testing"

	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
)

// check starts the program as the process health-check.
func check(t *testing.T, env ...string) outcome {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), launch, "health-check")
	cmd.Env = env
	return finish(t, cmd)
}

func TestHealthCheck(t *testing.T) {
	t.Parallel()
	mux := http.NewServeMux()
	for path, status := range map[string]int{"/{$}": 200, "/moved": 302, "/busy": 503} {
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			if !strings.HasPrefix(r.Host, "localhost:") {
				t.Errorf("it asks for host %s", r.Host)
			}
			w.WriteHeader(status)
			_, _ = io.WriteString(w, strings.Repeat("body ", 1000))
		})
	}
	mux.HandleFunc("/slow", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	mux.HandleFunc("/closes", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	port := server.URL[len("http://127.0.0.1:"):]

	tests := []struct {
		name string
		env  []string
		code int
	}{
		{name: "healthy", env: []string{"THC_PORT=" + port, "PORT=1"}},
		{name: "healthy-on-port", env: []string{"PORT=" + port, "THC_PATH=/"}},
		{name: "moved", env: []string{"THC_PORT=" + port, "THC_PATH=moved"}},
		{name: "busy", env: []string{"THC_PORT=" + port, "THC_PATH=/busy"}, code: 1},
		{name: "missing", env: []string{"THC_PORT=" + port, "THC_PATH=/missing"}, code: 1},
		{name: "slow", env: []string{"THC_PORT=" + port, "THC_PATH=/slow", "THC_REQ_TIMEOUT=1"}, code: 1},
		{name: "closes", env: []string{"THC_PORT=" + port, "THC_PATH=/closes"}, code: 1},
		{name: "refused", env: []string{"THC_PORT=1"}, code: 1},
		{name: "bad-port", env: []string{"THC_PORT=http"}, code: 1},
		{name: "bad-path", env: []string{"THC_PATH=/a b"}, code: 1},
		{name: "bad-timeout", env: []string{"THC_CONN_TIMEOUT=1s"}, code: 1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got := check(t, test.env...)
			if got.code != test.code {
				t.Errorf("code %d, want %d", got.code, test.code)
			}
			kittest.Golden(t, "health-"+test.name+".txt", strings.ReplaceAll(got.stdout+got.stderr, port, "PORT"))
		})
	}
}

// TestHealthCheckOthers asks what is no HTTP server, and one that listens at the IPv6 address only.
func TestHealthCheckOthers(t *testing.T) {
	t.Parallel()
	for address, answer := range map[string]string{"127.0.0.1:0": "220 mail.example.test ESMTP\r\n", "[::1]:0": "HTTP/1.0 200 OK\r\n\r\n"} {
		listener, err := net.Listen("tcp", address)
		if err != nil {
			t.Logf("not tested: %v", err)
			continue
		}
		t.Cleanup(func() { listener.Close() })
		go func() {
			for {
				conn, err := listener.Accept()
				if err != nil {
					return
				}
				_, _ = io.WriteString(conn, answer)
				_, _ = io.Copy(io.Discard, conn) // the question, which would reset the connection if it were left
				conn.Close()
			}
		}()
		_, port, err := net.SplitHostPort(listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		got := check(t, "THC_PORT="+port)
		want := "healthy: GET http://localhost:PORT/: status 200\n"
		if strings.HasPrefix(answer, "220") {
			want = "unhealthy: GET http://localhost:PORT/: the answer is not HTTP: \"220 mail.example.test ESMTP\"\n"
		}
		if said := strings.ReplaceAll(got.stdout+got.stderr, port, "PORT"); said != want {
			t.Errorf("at %s it says %q, want %q", address, said, want)
		}
	}
}
