package golang

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"strings"

	"golang.org/x/mod/sumdb"
	"golang.org/x/mod/sumdb/note"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fetch"
)

// defaultKey is the public key of Go's own checksum database, published with the go command; its first part is a hash of
// the database's name and the key, so it fits no other name.
const defaultKey = "+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8"

// database is the checksum database that GOSUMDB names.
type database struct {
	key     string   // name+hash+key
	name    string   // host, or host and path
	address *url.URL // where it is asked, if not through the proxies or at its name
}

// parseDatabase reads a value of GOSUMDB other than "off": "name", "name+hash+key" or either with an address after a space.
func parseDatabase(value string) (database, error) {
	bad := func(err error) (database, error) {
		return database{}, fault.Fault{ID: "go-sumdb-syntax", What: "GOSUMDB does not name a checksum database", Err: err,
			Do: "give it as the go command wants it: name, name+hash+key, or either and an address"}
	}
	fields := strings.Fields(value)
	if len(fields) == 0 || len(fields) > 2 {
		return bad(fmt.Errorf("%d words", len(fields)))
	}
	d := database{key: fields[0]}
	if !strings.Contains(d.key, "+") {
		d.key += defaultKey
	}
	verifier, err := note.NewVerifier(d.key)
	if err != nil {
		return bad(fmt.Errorf("%q is not a known name and has no valid key", fields[0]))
	}
	d.name = verifier.Name()
	address := "https://" + d.name
	if len(fields) == 2 {
		address = fields[1]
	}
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return bad(errors.New("the address is not a URL"))
	}
	if len(fields) == 2 {
		d.address = u
	}
	return d, nil
}

// sum returns the h1 hash of a module's zip, proved to be in the database's signed log.
func (d database) sum(ctx context.Context, client *fetch.Client, p proxies, path, version string) (string, error) {
	base, err := d.base(ctx, client, p)
	if err != nil {
		return "", err
	}
	ops := &lookup{ctx: ctx, client: client, base: base, database: d}
	lines, err := sumdb.NewClient(ops).Lookup(path, version)
	if ops.security != "" {
		return "", fmt.Errorf("the checksum database %s contradicts itself: %s", d.name, strings.TrimSpace(ops.security))
	}
	if err != nil {
		return "", fmt.Errorf("asking the checksum database %s: %w", d.name, err)
	}
	for _, line := range lines {
		if h, ok := strings.CutPrefix(line, path+" "+version+" "); ok {
			return h, nil
		}
	}
	return "", fmt.Errorf("the checksum database %s has no hash for %s %s", d.name, path, version)
}

// base finds where to ask: the first proxy that says it mirrors the database, else the database itself.
func (d database) base(ctx context.Context, client *fetch.Client, p proxies) (*url.URL, error) {
	if d.address != nil {
		return d.address, nil
	}
	var base *url.URL
	err := p.try(func(u *url.URL) error {
		mirror := u.JoinPath("sumdb", d.name)
		_, err := read(ctx, client, d.name, mirror, "supported")
		if err == nil {
			base = mirror
		}
		return err
	})
	if errors.Is(err, fetch.ErrGone) || errors.Is(err, errNoProxy) {
		return url.Parse("https://" + d.name)
	}
	return base, err
}

// lookup is one question to a checksum database; it implements sumdb.ClientOps. Nothing is kept between questions: each
// proves its answer against a tree head signed by the database's key.
type lookup struct {
	database
	ctx      context.Context
	client   *fetch.Client
	base     *url.URL
	security string
}

func (l *lookup) ReadRemote(path string) ([]byte, error) {
	data, err := read(l.ctx, l.client, l.name, l.base, path)
	if f, ok := errors.AsType[fault.Fault](err); ok {
		err = f.Err // whoever asked says what to do
	}
	return data, err
}

func (l *lookup) ReadConfig(file string) ([]byte, error) {
	if file == "key" {
		return []byte(l.key), nil
	}
	return nil, nil // no tree head is known yet
}

func (l *lookup) WriteConfig(string, []byte, []byte) error { return nil }
func (l *lookup) ReadCache(string) ([]byte, error)         { return nil, fs.ErrNotExist }
func (l *lookup) WriteCache(string, []byte)                {}
func (l *lookup) Log(string)                               {}
func (l *lookup) SecurityError(msg string)                 { l.security = msg }
