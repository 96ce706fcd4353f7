// Package fetch downloads files whose content is known beforehand: once, in one pass, into a content-addressed cache.
//
// No file leaves the package unchecked: the hash is taken while the bytes go to disk, and a file is in the
// cache under its final name only when size and hash are right. A file found in the cache is checked again.
// A Document, which has no hash, is the caller's to verify.
//
// Addresses may hold credentials. Errors and progress name files and hosts, never an address.
package fetch

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
	"time"
)

// Artifact is a file whose content is known beforehand: by its Sum, or by a Check.
type Artifact struct {
	// Name is what people read in progress lines and errors: a package URL or a file name, never an address.
	Name string
	// Sum is the expected hash: "sha256:" or "sha512:" and hexadecimal digits, "sha512-" and base64 as npm writes it
	// (W3C Subresource Integrity), or "h1:" and base64, Go's hash of the files in a zip (golang.org/x/mod/sumdb/dirhash).
	Sum string
	// Check judges the complete file if no Sum is known, for example by a signature. The cache then knows the file by its Name.
	Check func(file string) error
	// Size is the expected number of bytes; 0 means unknown.
	Size int64
	// URLs are tried in order. They are https, http or file addresses.
	URLs []string
	// Setting is the variable that holds the addresses. Errors name it. "" means that several do.
	Setting string
}

// Progress is told about every download: the artifact's name, the bytes that are on disk, and the bytes in all
// (0 when unknown). For an artifact that Expect announced and that no server has, both numbers are 0. It is called
// from several goroutines.
type Progress func(name string, done, total int64)

// Client downloads into one cache. Its methods may be called by many goroutines, and many processes may share a cache.
type Client struct {
	dir      string
	http     *http.Client
	progress Progress
	debug    func(format string, args ...any)
	backoff  time.Duration
	stall    time.Duration
	logins   logins
	mirrors  Mirrors
}

// Option changes a Client.
type Option func(*Client)

// WithProgress sets the callback for download progress.
func WithProgress(p Progress) Option { return func(c *Client) { c.progress = p } }

// WithDebug sets what writes a line for each request: the file's name, the host, and the answer.
func WithDebug(log func(format string, args ...any)) Option { return func(c *Client) { c.debug = log } }

// WithBackoff sets the wait before the second try; it doubles with each further one. The default is 500 ms.
func WithBackoff(d time.Duration) Option { return func(c *Client) { c.backoff = d } }

// WithStall sets how long a server may send nothing before it is asked again. The default is a minute.
func WithStall(d time.Duration) Option { return func(c *Client) { c.stall = d } }

// WithMirrors sets the mirrors that replace the hosts of addresses.
func WithMirrors(m Mirrors) Option { return func(c *Client) { c.mirrors = m } }

// WithTransport replaces the default transport, which takes proxies from the environment and certificate authorities
// from the system.
func WithTransport(t http.RoundTripper) Option { return func(c *Client) { c.http.Transport = t } }

// New returns a client that keeps verified files at <dir>/<algorithm>/<hex>, and at <dir>/checked/<hex of the name> those that have
// a check and no hash. The folder is made when first needed.
func New(dir string, options ...Option) *Client {
	t := http.DefaultTransport.(*http.Transport).Clone()
	// The bytes hashed must be the bytes published, so the transport must not decode them.
	t.DisableCompression = true
	c := &Client{
		dir:      dir,
		progress: func(string, int64, int64) {},
		debug:    func(string, ...any) {},
		backoff:  500 * time.Millisecond,
		stall:    time.Minute,
	}
	c.http = &http.Client{Transport: t, CheckRedirect: c.redirect}
	for _, o := range options {
		o(c)
	}
	return c
}

// Expect tells Progress of the artifacts that are not in the cache, so that it knows how much Get is going to download.
func (c *Client) Expect(artifacts ...Artifact) {
	told := map[string]bool{}
	for _, a := range artifacts {
		p, err := a.proof()
		if err != nil {
			continue // Get returns the error
		}
		if _, err := os.Stat(filepath.Join(c.dir, p.key)); errors.Is(err, fs.ErrNotExist) && !told[p.key] {
			told[p.key] = true
			c.progress(a.Name, 0, a.Size)
		}
	}
}

// Get returns the path of the verified artifact in the cache, downloading it if it is not there.
// Errors are fault.Fault, except when ctx ends. They wrap ErrGone if no server has the file, and a *Mismatch if it is not the right file.
func (c *Client) Get(ctx context.Context, a Artifact) (string, error) {
	p, err := a.proof()
	if err != nil {
		return "", err
	}
	final := filepath.Join(c.dir, p.key)
	if ok, err := p.verified(final, a); ok || err != nil {
		return final, err
	}
	part, err := c.lock(ctx, filepath.Base(final), final)
	if err != nil {
		return "", diskFault(a.Name, err)
	}
	defer part.Close()
	// Another process may have finished it while this one waited for the lock.
	if ok, err := p.verified(final, a); ok || err != nil {
		return final, errors.Join(err, os.Remove(part.Name()))
	}
	if err := c.download(ctx, a, p, part); err != nil {
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

// download fills part from the first address that gives the right bytes.
func (c *Client) download(ctx context.Context, a Artifact, p *proof, part *os.File) error {
	err := c.first(ctx, a.Name, a.Setting, a.URLs, func(u *url.URL) error { return c.transfer(ctx, a, p, u, part) })
	if errors.Is(err, ErrGone) {
		c.progress(a.Name, 0, 0)
	}
	return err
}

// first calls f with each address until one succeeds, again after errors that may go away by themselves.
func (c *Client) first(ctx context.Context, name, setting string, addresses []string, f func(*url.URL) error) error {
	var errs []error
	for _, address := range addresses {
		u, mirrored, err := c.mirrors.rewrite(address)
		if mirrored {
			setting = "the dependency mirror"
		}
		if err == nil {
			err = c.retry(ctx, func() error {
				start := time.Now()
				err := f(u)
				c.debug("%s of %s: %s, %.1fs", name, cmp.Or(u.Host, "a file"), outcome(err), time.Since(start).Seconds())
				return err
			})
		}
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return fmt.Errorf("downloading %s: %w", name, context.Cause(ctx))
		}
		errs = append(errs, named(u, err))
	}
	return explain(name, setting, errs)
}

func outcome(err error) string {
	if err != nil {
		return err.Error()
	}
	return "it came"
}

// transfer asks for what part still lacks. It leaves part as it is when the connection breaks, so that
// the next try goes on from there, and empties it when the bytes are wrong.
func (c *Client) transfer(ctx context.Context, a Artifact, p *proof, u *url.URL, part *os.File) error {
	if _, err := part.Seek(0, io.SeekStart); err != nil {
		return diskFault(a.Name, err)
	}
	p.Reset()
	have, err := io.Copy(p, part)
	if err != nil {
		return diskFault(a.Name, err)
	}
	if a.Size == 0 || have != a.Size {
		if have, err = c.receive(ctx, a, p, u, part, have); err != nil {
			return err
		}
	}
	wrong := p.judge(part.Name())
	if a.Size != 0 && have != a.Size {
		wrong = &Mismatch{wantSize: a.Size, gotSize: have}
	}
	if wrong != nil {
		return errors.Join(wrong, part.Truncate(0))
	}
	if err := part.Sync(); err != nil {
		return diskFault(a.Name, err)
	}
	return nil
}

// maxSize is what a file of unknown size may have: 4 GB. The largest that are published, with models and drivers of
// graphics cards in them, have 3 GB.
const maxSize = 4 << 30

// receive appends the answer to part and p, and returns the size of part.
func (c *Client) receive(ctx context.Context, a Artifact, p *proof, u *url.URL, part *os.File, have int64) (int64, error) {
	answer, err := c.open(ctx, u, "", have)
	if err != nil {
		return have, err
	}
	defer answer.Close()
	if answer.from != have {
		p.Reset()
		have = answer.from
		if _, err := part.Seek(0, io.SeekStart); err != nil {
			return have, diskFault(a.Name, err)
		}
		if err := part.Truncate(0); err != nil {
			return have, diskFault(a.Name, err)
		}
	}
	limit, total := int64(maxSize), int64(0)
	if answer.size > 0 {
		total = have + answer.size
	}
	if a.Size > 0 {
		limit, total = a.Size, a.Size
	}
	// The proof comes after the file: it must only see what has reached the disk.
	w := io.MultiWriter(part, p, &meter{a.Name, have, total, c.progress})
	n, err := io.Copy(w, io.LimitReader(answer, limit-have+1))
	have += n
	if disk, ok := errors.AsType[*fs.PathError](err); ok {
		return have, diskFault(a.Name, disk)
	}
	switch {
	case err != nil:
		return have, err
	case a.Size > 0 && have < a.Size:
		return have, &broken{io.ErrUnexpectedEOF}
	case a.Size == 0 && have > limit:
		return have, errors.Join(fmt.Errorf("it has more than %d bytes", limit), part.Truncate(0))
	}
	return have, nil
}

// meter counts bytes for the progress callback.
type meter struct {
	name        string
	done, total int64
	report      Progress
}

func (m *meter) Write(p []byte) (int, error) {
	m.done += int64(len(p))
	m.report(m.name, m.done, m.total)
	return len(p), nil
}
