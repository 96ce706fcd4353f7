package golang

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

// proxy is one element of GOPROXY.
type proxy struct {
	url    *url.URL
	anyErr bool // followed by "|": every error leads to the next proxy, not only "not found"
}

// proxies speaks the GOPROXY protocol (go.dev/ref/mod#goproxy-protocol) for the
// one module that the go command cannot fetch: its own toolchain.
type proxies struct {
	list  []proxy
	netrc []byte // credentials by host, in the format of .netrc; may be nil
	wait  time.Duration
	stall time.Duration // how long a server may stay silent
}

// errSilent says that a server sent nothing for a while.
var errSilent = errors.New("the server stopped sending")

// errNoProxy says that GOPROXY names no place to fetch from.
var errNoProxy = errors.New("GOPROXY allows no download")

// parseProxies reads the value of GOPROXY. "direct" is passed over: toolchains
// exist on proxies alone.
func parseProxies(value string, netrc []byte) (proxies, error) {
	p := proxies{netrc: netrc, wait: time.Second, stall: time.Minute}
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
			return proxies{}, fault.Fault{ID: "go-proxy-syntax", What: "GOPROXY has an element that is not an https, http or file URL", Do: "write it like https://proxy.example.test,direct"}
		}
		p.list = append(p.list, proxy{u, anyErr})
	}
	return p, nil
}

// String names the proxies for people, without credentials.
func (p proxies) String() string {
	var names []string
	for _, one := range p.list {
		names = append(names, display(one.url))
	}
	return strings.Join(names, ", ")
}

// display is an address without what may be secret in it.
func display(u *url.URL) string {
	clean := *u
	clean.User, clean.RawQuery, clean.Fragment = nil, "", ""
	return clean.String()
}

// try calls f for each proxy until one succeeds. The error is fs.ErrNotExist if
// no proxy has it, else that of the first proxy that was in trouble.
func (p proxies) try(f func(base *url.URL) error) error {
	if len(p.list) == 0 {
		return errNoProxy
	}
	var first error
	for _, one := range p.list {
		err := f(one.url)
		if err == nil {
			return nil
		}
		missing := errors.Is(err, fs.ErrNotExist)
		if first == nil || !missing && errors.Is(first, fs.ErrNotExist) {
			first = err
		}
		if !missing && !one.anyErr {
			break
		}
	}
	return first
}

// get reads a small file below one base address.
func (p proxies) get(ctx context.Context, base *url.URL, path string) (data []byte, err error) {
	err = p.again(ctx, func() error {
		body, _, err := p.open(ctx, base, path)
		if err != nil {
			return err
		}
		defer body.Close()
		if data, err = io.ReadAll(io.LimitReader(body, 16<<20)); err != nil {
			return passing{fmt.Errorf("reading %s: %w", display(base.JoinPath(path)), err)}
		}
		return nil
	})
	return data, err
}

// passing is a trouble that may be over soon: no answer, a broken connection, 429, 5xx.
type passing struct{ error }

func (e passing) Unwrap() error { return e.error }

// again calls f up to three times, as long as its trouble is a passing one.
func (p proxies) again(ctx context.Context, f func() error) error {
	for try := 1; ; try++ {
		err := f()
		if _, ok := errors.AsType[passing](err); !ok || try == 3 {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Duration(try) * p.wait):
		}
	}
}

// open starts reading a file below one base address and returns its size, -1 if unknown.
func (p proxies) open(ctx context.Context, base *url.URL, path string) (io.ReadCloser, int64, error) {
	u := base.JoinPath(path)
	if u.Scheme == "file" {
		f, err := os.Open(filepath.FromSlash(u.Path))
		if err != nil {
			return nil, 0, err
		}
		info, err := f.Stat()
		if err != nil {
			f.Close()
			return nil, 0, err
		}
		return f, info.Size(), nil
	}
	resp, err := p.request(ctx, u)
	if err != nil {
		return nil, 0, err
	}
	if resp.StatusCode == http.StatusOK {
		return resp.Body, resp.ContentLength, nil
	}
	resp.Body.Close()
	err = fmt.Errorf("%s: %s", display(u), resp.Status)
	switch {
	case resp.StatusCode == http.StatusNotFound || resp.StatusCode == http.StatusGone:
		err = fmt.Errorf("%w: %w", err, fs.ErrNotExist)
	case resp.StatusCode == http.StatusTooManyRequests || resp.StatusCode >= 500:
		err = passing{err}
	}
	return nil, 0, err
}

// request sends a request; the answer's body ends with errSilent when the server does not go on.
func (p proxies) request(ctx context.Context, u *url.URL) (*http.Response, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	req, err := p.newRequest(ctx, u)
	if err != nil {
		cancel(nil)
		return nil, fmt.Errorf("asking %s", display(u))
	}
	silence := time.AfterFunc(p.stall, func() { cancel(errSilent) })
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		if cause, ok := errors.AsType[*url.Error](err); ok {
			err = cause.Err // the address around it is printed by us, without credentials
		}
		err = passing{fmt.Errorf("%s: %w", display(u), cmp.Or(context.Cause(ctx), err))}
		silence.Stop()
		cancel(nil)
		return nil, err
	}
	resp.Body = &body{ReadCloser: resp.Body, ctx: ctx, cancel: cancel, silence: silence, stall: p.stall}
	return resp, nil
}

// body is an answer whose connection is given up when nothing comes for a while.
type body struct {
	io.ReadCloser
	ctx     context.Context
	cancel  context.CancelCauseFunc
	silence *time.Timer
	stall   time.Duration
}

func (b *body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.silence.Reset(b.stall)
	if err != nil && !errors.Is(err, io.EOF) {
		err = cmp.Or(context.Cause(b.ctx), err)
	}
	return n, err
}

func (b *body) Close() error {
	b.silence.Stop()
	defer b.cancel(nil)
	return b.ReadCloser.Close()
}

// newRequest adds the login of .netrc as the go command does: for the host with
// its port, and never over a connection that others can read.
func (p proxies) newRequest(ctx context.Context, u *url.URL) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, err
	}
	if user, pass, ok := credentials(p.netrc, u.Host); ok && u.User == nil && u.Scheme == "https" {
		req.SetBasicAuth(user, pass)
	}
	return req, nil
}

// credentials finds a host's login in a .netrc.
func credentials(netrc []byte, host string) (login, password string, ok bool) {
	words := strings.Fields(string(netrc))
	here := false
	for i := 0; i+1 < len(words); i++ {
		switch words[i] {
		case "machine":
			if ok {
				return login, password, true
			}
			here = words[i+1] == host
		case "login":
			if here {
				login = words[i+1]
			}
		case "password":
			if here {
				password, ok = words[i+1], true
			}
		default:
			continue
		}
		i++
	}
	return login, password, ok
}
