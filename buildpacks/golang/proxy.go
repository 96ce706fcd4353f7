package golang

import (
	"context"
	"errors"
	"net/url"
	"path/filepath"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fetch"
)

// proxy is one element of GOPROXY.
type proxy struct {
	address *url.URL
	anyErr  bool // followed by "|": every error leads to the next proxy, not only "not found"
}

// proxies speak the GOPROXY protocol (go.dev/ref/mod#goproxy-protocol) for the one module that the go command cannot
// fetch: its own toolchain.
type proxies []proxy

// errNoProxy says that GOPROXY names no place to fetch from.
var errNoProxy = errors.New("GOPROXY allows no download")

// parseProxies reads the value of GOPROXY. "direct" is passed over: toolchains exist on proxies alone.
func parseProxies(value string) (proxies, error) {
	var p proxies
	for rest := value; rest != ""; {
		elem, anyErr := rest, false
		if i := strings.IndexAny(rest, ",|"); i >= 0 {
			elem, anyErr, rest = rest[:i], rest[i] == '|', rest[i+1:]
		} else {
			rest = ""
		}
		elem = strings.TrimSpace(elem)
		if elem == "off" {
			break
		}
		if elem == "" || elem == "direct" || elem == "noproxy" {
			continue
		}
		if !strings.Contains(elem, ":/") && !filepath.IsAbs(elem) {
			elem = "https://" + elem // as the go command does
		}
		u, err := url.Parse(elem)
		if err != nil || u.Scheme != "https" && u.Scheme != "http" && u.Scheme != "file" {
			// The cause may hold the address with its credentials, so it is left out.
			return nil, fault.Fault{ID: "go-proxy-syntax", What: "GOPROXY has an element that is not an https, http or file URL",
				Do: "write it like https://proxy.example.test,direct"}
		}
		p = append(p, proxy{u, anyErr})
	}
	return p, nil
}

// String names the proxies for people, without what may be secret in their addresses.
func (p proxies) String() string {
	var names []string
	for _, one := range p {
		clean := *one.address
		clean.User, clean.RawQuery, clean.Fragment = nil, "", ""
		names = append(names, clean.String())
	}
	return strings.Join(names, ", ")
}

// try calls f for each proxy until one succeeds. The error is fetch.ErrGone if no proxy has it, else that of the first
// proxy that was in trouble.
func (p proxies) try(f func(base *url.URL) error) error {
	if len(p) == 0 {
		return errNoProxy
	}
	var first error
	for _, one := range p {
		err := f(one.address)
		if err == nil {
			return nil
		}
		missing := errors.Is(err, fetch.ErrGone)
		if first == nil || !missing && errors.Is(first, fetch.ErrGone) {
			first = err
		}
		if !missing && !one.anyErr {
			break
		}
	}
	return first
}

// get reads a small file from the first proxy that has it.
func (p proxies) get(ctx context.Context, client *fetch.Client, name, path string) (data []byte, err error) {
	err = p.try(func(base *url.URL) error {
		data, err = read(ctx, client, name, base, path)
		return err
	})
	return data, err
}

// maxAnswer is how many bytes are read of a list, a description or a part of a checksum database.
const maxAnswer = 16 << 20

// read reads a small file below one base address.
func read(ctx context.Context, client *fetch.Client, name string, base *url.URL, path string) ([]byte, error) {
	return client.Read(ctx, fetch.Document{Name: name, Limit: maxAnswer, URLs: []string{base.JoinPath(path).String()}, Setting: "GOPROXY"})
}
