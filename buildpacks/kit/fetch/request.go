package fetch

import (
	"bytes"
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
	"strconv"
	"time"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

// Document is a small file that has no known hash. Whoever reads it must verify it by other means, such as a signature.
type Document struct {
	// Name is what people read in errors, never an address.
	Name string
	// Limit is how many bytes it may have.
	Limit int64
	// Accept is the media type to ask for; "" means any.
	Accept string
	// URLs are tried in order. They are https, http or file addresses.
	URLs []string
	// Setting is the variable that holds the addresses. Errors name it. "" means that several do.
	Setting string
}

// Read returns the content of a document, which nothing has verified. Errors are fault.Fault, except when ctx ends. They wrap ErrGone if
// no server has the document.
func (c *Client) Read(ctx context.Context, d Document) ([]byte, error) {
	var content []byte
	err := c.first(ctx, d.Name, d.Setting, d.URLs, func(u *url.URL) (err error) {
		content, err = c.read(ctx, d, u)
		return err
	})
	if errors.Is(err, ErrGone) {
		return nil, fault.Fault{ID: "fetch-gone", What: d.Name, Err: ErrGone, Do: "check " + cmp.Or(d.Setting, anyMirror)}
	}
	if err == nil {
		c.progress(d.Name, int64(len(content)), int64(len(content)))
	}
	return content, err
}

func (c *Client) read(ctx context.Context, d Document, u *url.URL) ([]byte, error) {
	answer, err := c.open(ctx, u, d.Accept, 0)
	if err != nil {
		return nil, err
	}
	defer answer.Close()
	var b bytes.Buffer
	if _, err := io.Copy(&b, io.LimitReader(answer, d.Limit+1)); err != nil {
		return nil, err
	}
	if int64(b.Len()) > d.Limit {
		return nil, fmt.Errorf("it has more than %d bytes", d.Limit)
	}
	return b.Bytes(), nil
}

// answer is what an address gives.
type answer struct {
	io.ReadCloser
	from int64 // where in the file it begins
	size int64 // its bytes, -1 where the server does not say
}

// open asks for the bytes of a file from an offset on. The answer may begin at 0 all the same.
func (c *Client) open(ctx context.Context, u *url.URL, accept string, from int64) (*answer, error) {
	if u.Scheme == "file" {
		return openFile(filepath.FromSlash(u.Path), from)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	b := &body{ctx: ctx, cancel: cancel, stall: c.stall, silence: time.AfterFunc(c.stall, func() { cancel(errSilent) })}
	resp, err := c.ask(ctx, u, accept, from) //nolint:bodyclose // the answer closes it
	if err != nil {
		b.stop()
		return nil, err
	}
	b.ReadCloser = resp.Body
	a := &answer{ReadCloser: b, size: resp.ContentLength}
	if resp.StatusCode == http.StatusPartialContent {
		a.from = from
	}
	return a, nil
}

func openFile(path string, from int64) (*answer, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrGone
	}
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil {
		_, err = f.Seek(from, io.SeekStart)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return &answer{f, from, info.Size() - from}, nil
}

// ask sends a GET for the bytes from an offset on. A status other than 200 and 206 is an error.
func (c *Client) ask(ctx context.Context, u *url.URL, accept string, from int64) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, errAddress // the cause has the address in it
	}
	if accept != "" {
		req.Header.Set("Accept", accept)
	}
	if from > 0 {
		req.Header.Set("Range", "bytes="+strconv.FormatInt(from, 10)+"-")
	}
	c.logins.authorize(req)
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, classify(ctx, err)
	}
	switch {
	case resp.StatusCode == http.StatusOK:
		return resp, nil
	case resp.StatusCode == http.StatusPartialContent && from > 0 && rangeStart(resp) == from:
		return resp, nil
	}
	resp.Body.Close()
	if from > 0 && (resp.StatusCode == http.StatusRequestedRangeNotSatisfiable || resp.StatusCode == http.StatusPartialContent) {
		return c.ask(ctx, u, accept, 0)
	}
	return nil, &status{resp.StatusCode, resp.Header.Get("Retry-After")}
}

// redirect prepares the request that an answer leads to. A secret goes only to the host that it belongs to.
func (c *Client) redirect(req *http.Request, via []*http.Request) error {
	if len(via) >= 10 {
		return errors.New("it redirects without end")
	}
	req.Header.Del("Referer") // the address before may have a secret in its path
	c.logins.authorize(req)
	return nil
}

// rangeStart returns the first byte position of a 206 response, -1 if there is none.
func rangeStart(resp *http.Response) int64 {
	var start int64
	if n, err := fmt.Sscanf(resp.Header.Get("Content-Range"), "bytes %d-", &start); n != 1 || err != nil {
		return -1
	}
	return start
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
		err = &broken{cmp.Or(context.Cause(b.ctx), err)}
	}
	return n, err
}

func (b *body) Close() error {
	defer b.stop()
	return b.ReadCloser.Close()
}

func (b *body) stop() {
	b.silence.Stop()
	b.cancel(nil)
}

// tries is how often one address is asked before the next one.
const tries = 4

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
