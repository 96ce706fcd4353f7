package golang

import (
	"errors"
	"net/url"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fetch"
)

func TestParseProxies(t *testing.T) {
	t.Parallel()
	tests := []struct{ value, want string }{
		{"", ""},
		{"direct", ""},
		{"off", ""},
		{"https://one.example.test,direct", "https://one.example.test"},
		{"one.example.test|https://two.example.test/goproxy", "https://one.example.test, https://two.example.test/goproxy"},
		{"https://user:secret@one.example.test/?key=secret", "https://one.example.test/"},
		{"https://one.example.test,off,https://two.example.test", "https://one.example.test"},
		{" file:///srv/modules ,noproxy", "file:///srv/modules"},
	}
	for _, tt := range tests {
		p, err := parseProxies(tt.value)
		if err != nil || p.String() != tt.want {
			t.Errorf("%q gives %q (%v), want %q", tt.value, p, err, tt.want)
		}
	}
	for _, bad := range []string{"ftp://user:secret@one.example.test", "https://user:secret@[::1"} {
		_, err := parseProxies(bad)
		wantFault(t, "proxy-syntax", err)
	}
}

// TestProxiesTry asks the next proxy when GOPROXY says so (go.dev/ref/mod#goproxy-protocol).
func TestProxiesTry(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	tests := []struct {
		value   string
		answers map[string]error // by host
		asked   []string
		err     error
	}{
		{"http://a,http://b", map[string]error{"a": fetch.ErrGone}, []string{"a", "b"}, nil},
		{"http://a,http://b", map[string]error{"a": broken}, []string{"a"}, broken},
		{"http://a|http://b", map[string]error{"a": broken}, []string{"a", "b"}, nil},
		{"http://a|http://b", map[string]error{"a": fetch.ErrGone, "b": broken}, []string{"a", "b"}, broken},
		{"http://a,http://b", map[string]error{"a": fetch.ErrGone, "b": fetch.ErrGone}, []string{"a", "b"}, fetch.ErrGone},
		{"direct", nil, nil, errNoProxy},
	}
	for _, tt := range tests {
		p, err := parseProxies(tt.value)
		if err != nil {
			t.Fatal(err)
		}
		var asked []string
		err = p.try(func(base *url.URL) error {
			asked = append(asked, base.Host)
			return tt.answers[base.Host]
		})
		if diff := cmp.Diff(tt.asked, asked); diff != "" || !errors.Is(err, tt.err) {
			t.Errorf("%s with %v: got %v, want %v\n%s", tt.value, tt.answers, err, tt.err, diff)
		}
	}
}

func TestParseDatabase(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"one two three", "unknown.example.test", "x+1+notakey", "unknown.example.test+00000000+AAAA"} {
		if d, err := parseDatabase(bad); err == nil {
			t.Errorf("%q gives %+v", bad, d)
		}
	}
	_, err := parseDatabase("unknown.example.test")
	wantFault(t, "sumdb-syntax", err)
}
