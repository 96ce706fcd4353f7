// Package fetch downloads artifacts whose hash is known beforehand: once, in one pass, into a content-addressed cache.
//
// No byte leaves the package unchecked: the hash is taken while the bytes go to disk, and a file is in the
// cache under its final name only when size and hash are right. A file found in the cache is hashed again.
package fetch

import (
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

// Artifact is a file known by its hash.
type Artifact struct {
	// Name is what people read in progress lines and errors: a package URL or a file name, never an address.
	Name string
	// SHA256 is the expected hash, 64 lower-case hex digits.
	SHA256 string
	// SHA512 is the expected hash where no SHA256 is known, 128 lower-case hex digits, as npm publishes it.
	SHA512 string
	// Size is the expected number of bytes; 0 means unknown.
	Size int64
	// URLs are tried in order.
	URLs []string
}

// Progress is told about every download: the artifact's name, the bytes that are on disk, and the bytes in all
// (0 when unknown). Of an artifact that is expected and that no server has it is told 0 of 0. It is called from
// several goroutines.
type Progress func(name string, done, total int64)

// Client downloads into one cache. Its methods may be called by many goroutines, and many processes may share a cache.
type Client struct {
	dir      string
	http     *http.Client
	progress Progress
	backoff  time.Duration
}

// Option changes a Client.
type Option func(*Client)

// WithProgress sets the callback for download progress.
func WithProgress(p Progress) Option { return func(c *Client) { c.progress = p } }

// WithBackoff sets the wait before the second try; it doubles with each further one. The default is 500 ms.
func WithBackoff(d time.Duration) Option { return func(c *Client) { c.backoff = d } }

// WithTransport replaces the default transport, which takes proxies from the environment and
// certificate authorities from the system.
func WithTransport(t http.RoundTripper) Option { return func(c *Client) { c.http.Transport = t } }

// hash returns the algorithm that the artifact is checked with, what it must give, and a new state of it.
func (a Artifact) hash() (name, want string, state hash.Hash) {
	if a.SHA256 == "" && a.SHA512 != "" {
		return "sha512", a.SHA512, sha512.New()
	}
	return "sha256", a.SHA256, sha256.New()
}

// New returns a client that keeps verified files at <dir>/sha256/<hex>, or sha512. The folder is made when first needed.
func New(dir string, options ...Option) *Client {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.ResponseHeaderTimeout = 60 * time.Second
	// The bytes hashed must be the bytes published, so the transport must not decode them.
	t.DisableCompression = true
	c := &Client{
		dir:      dir,
		http:     &http.Client{Transport: t},
		progress: func(string, int64, int64) {},
		backoff:  500 * time.Millisecond,
	}
	for _, o := range options {
		o(c)
	}
	return c
}

// Expect tells Progress of the artifacts that are not in the cache, so that it knows how much Get is going to download.
func (c *Client) Expect(artifacts ...Artifact) {
	told := map[string]bool{}
	for _, a := range artifacts {
		algorithm, want, _ := a.hash()
		if _, err := os.Stat(filepath.Join(c.dir, algorithm, want)); errors.Is(err, fs.ErrNotExist) && !told[want] {
			told[want] = true
			c.progress(a.Name, 0, a.Size)
		}
	}
}

// ErrGone says that every URL answered that it does not have the artifact (404 or 410).
var ErrGone = errors.New("the server does not have it")

// tries is how often one URL is asked before the next one.
const tries = 4

// stall is how long a connection may stay silent.
const stall = time.Minute

// Get returns the path of the verified artifact in the cache, downloading it if it is not there.
// Errors are fault.Fault; errors.Is(err, ErrGone) tells a vanished file from a broken network.
func (c *Client) Get(ctx context.Context, a Artifact) (string, error) {
	algorithm, want, state := a.hash()
	if len(want) != 2*state.Size() {
		return "", fmt.Errorf("internal error: artifact %s has no %s", a.Name, algorithm)
	}
	final := filepath.Join(c.dir, algorithm, want)
	if ok, err := c.verified(final, a); ok || err != nil {
		return final, err
	}
	part, err := c.lock(ctx, want, final)
	if err != nil {
		return "", diskFault(a.Name, err)
	}
	defer part.Close()
	// Another process may have finished it while this one waited for the lock.
	if ok, err := c.verified(final, a); ok || err != nil {
		return final, errors.Join(err, os.Remove(part.Name()))
	}
	if err := c.download(ctx, a, part); err != nil {
		return "", err
	}
	if err := part.Chmod(0o644); err != nil {
		return "", diskFault(a.Name, err)
	}
	if err := os.Rename(part.Name(), final); err != nil {
		return "", diskFault(a.Name, err)
	}
	return final, nil
}

// verified reports whether the cache holds the artifact, and drops a copy that has gone bad.
func (c *Client) verified(path string, a Artifact) (bool, error) {
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, diskFault(a.Name, err)
	}
	defer f.Close()
	_, want, h := a.hash()
	n, err := io.Copy(h, f)
	if err != nil {
		return false, diskFault(a.Name, err)
	}
	if (a.Size == 0 || a.Size == n) && sum(h) == want {
		return true, nil
	}
	if sum(h) == want {
		return false, fault.Fault{ID: "fetch-wrong-size", What: a.Name,
			Err: fmt.Errorf("its size is %d bytes where %d were expected", n, a.Size), Do: "correct the size in the lock"}
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return false, diskFault(a.Name, err)
	}
	return false, nil
}

// download fills part from the first URL that gives the right bytes.
func (c *Client) download(ctx context.Context, a Artifact, part *os.File) error {
	if len(a.URLs) == 0 {
		return fault.Fault{ID: "fetch-no-url", What: a.Name, Err: errors.New("no address is configured for it"),
			Do: "configure a mirror"}
	}
	var errs []error
	gone := 0
	for _, url := range a.URLs {
		err := c.retry(ctx, func() error { return c.transfer(ctx, a, url, part) })
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return fmt.Errorf("downloading %s: %w", a.Name, context.Cause(ctx))
		}
		if errors.Is(err, ErrGone) {
			gone++
		}
		errs = append(errs, err)
	}
	if gone == len(errs) {
		c.progress(a.Name, 0, 0)
		return fault.Fault{ID: "fetch-gone", What: a.Name, Err: ErrGone, Do: "use a newer version or a mirror that keeps old files"}
	}
	return explain(a, errs)
}

// transfer asks url for what part still lacks. It leaves part as it is when the connection breaks, so that
// the next try goes on from there, and empties it when the bytes are wrong.
func (c *Client) transfer(ctx context.Context, a Artifact, url string, part *os.File) error {
	algorithm, want, h := a.hash()
	if _, err := part.Seek(0, io.SeekStart); err != nil {
		return err
	}
	have, err := io.Copy(h, part)
	if err != nil {
		return err
	}
	if a.Size == 0 || have != a.Size {
		if have, err = c.receive(ctx, a, url, part, h, have); err != nil {
			return err
		}
	}
	if got := sum(h); got != want || (a.Size != 0 && have != a.Size) {
		if err := part.Truncate(0); err != nil {
			return err
		}
		return &mismatch{algorithm: algorithm, want: want, got: got, wantSize: a.Size, gotSize: have}
	}
	return part.Sync()
}

// receive appends the body to part and h, and returns the size of part.
func (c *Client) receive(ctx context.Context, a Artifact, url string, part *os.File, h hash.Hash, have int64) (int64, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	resp, err := c.ask(ctx, url, have)
	if err != nil {
		return have, err
	}
	defer resp.Body.Close()
	if have > 0 && resp.StatusCode != http.StatusPartialContent {
		h.Reset()
		have = 0
		if _, err := part.Seek(0, io.SeekStart); err != nil {
			return have, err
		}
		if err := part.Truncate(0); err != nil {
			return have, err
		}
	}
	body := io.Reader(resp.Body)
	if a.Size > 0 {
		body = io.LimitReader(body, a.Size-have+1)
	}
	w := &meter{name: a.Name, done: have, total: a.Size, report: c.progress, silence: time.AfterFunc(stall, cancel)}
	defer w.silence.Stop()
	if w.total == 0 && resp.ContentLength > 0 {
		w.total = have + resp.ContentLength
	}
	// The hash comes last: it must only see what has reached the disk.
	n, err := io.Copy(io.MultiWriter(part, h, w), body)
	have += n
	var disk *fs.PathError
	switch {
	case errors.As(err, &disk):
		return have, diskFault(a.Name, disk)
	case err != nil:
		return have, &broken{err}
	}
	if a.Size > 0 && have < a.Size {
		return have, &broken{io.ErrUnexpectedEOF}
	}
	return have, nil
}

func sum(h hash.Hash) string { return hex.EncodeToString(h.Sum(nil)) }

// meter counts bytes for the progress callback.
type meter struct {
	name        string
	done, total int64
	report      Progress
	silence     *time.Timer
}

func (m *meter) Write(p []byte) (int, error) {
	m.done += int64(len(p))
	m.silence.Reset(stall)
	m.report(m.name, m.done, m.total)
	return len(p), nil
}
