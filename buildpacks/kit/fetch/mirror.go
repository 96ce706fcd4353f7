package fetch

import (
	"errors"
	"net/url"
	"strings"
)

// Mirrors map hosts, in lower case and without a port, to the mirrors that replace them. DefaultHost stands for all hosts
// that the map does not have.
type Mirrors map[string]Mirror

// DefaultHost is the key of the mirror for all other hosts.
const DefaultHost = "default"

// originalHost stands, in a mirror's path, for the host that the mirror replaces.
const originalHost = "{originalHost}"

// Mirror has the files of other hosts.
type Mirror struct {
	address *url.URL // may hold credentials
	skip    string   // part of a file's path that the mirror's path lacks
}

// ParseMirror reads a mirror in the syntax of libpak v2: an https or file address, and after a comma skip-path=PATH. In
// the address {originalHost} stands for the host that the mirror replaces. PATH is left out of the paths of files. The
// address may follow mirror=, and it may be percent-encoded as a whole. Errors do not quote the text, which may hold a
// password.
func ParseMirror(text string) (Mirror, error) {
	var m Mirror
	for part := range strings.SplitSeq(text, ",") {
		part = strings.TrimSpace(part)
		skip, skips := strings.CutPrefix(part, "skip-path=")
		var err error
		switch {
		case skips:
			if m.skip, err = url.PathUnescape(skip); err != nil {
				err = errors.New("its skip-path is not percent-encoded as in an address")
			}
		case m.address != nil:
			err = errors.New("after the address is something else than skip-path=")
		default:
			m.address, err = parseMirrorAddress(strings.TrimPrefix(part, "mirror="))
		}
		if err != nil {
			return Mirror{}, err
		}
	}
	if m.address == nil {
		return Mirror{}, errMirror
	}
	return m, nil
}

var errMirror = errors.New("it is neither an https nor a file address")

func parseMirrorAddress(text string) (*url.URL, error) {
	decoded, err := url.PathUnescape(text)
	if err != nil {
		return nil, errMirror
	}
	for _, one := range []string{text, decoded} {
		u, err := url.Parse(one)
		if err == nil && (u.Scheme == "https" && u.Host != "" || u.Scheme == "file" && u.Path != "") {
			return u, nil
		}
	}
	return nil, errMirror // the cause would have the address in it
}

// rewrite parses an address. It returns the address to ask, and whether that is a mirror's.
func (m Mirrors) rewrite(address string) (u *url.URL, mirrored bool, err error) {
	u, err = url.Parse(address)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" && u.Scheme != "file" {
		return nil, false, errAddress
	}
	mirror, found := m[strings.ToLower(u.Hostname())]
	if !found {
		mirror, found = m[DefaultHost]
	}
	if !found || u.Scheme == "file" {
		return u, false, nil
	}
	return mirror.of(u), true, nil
}

// of returns where the mirror has the file of an address.
func (m Mirror) of(u *url.URL) *url.URL {
	base := *m.address
	base.Path, base.RawPath = strings.Replace(base.Path, originalHost, u.Hostname(), 1), ""
	rest := url.URL{Path: strings.Replace(u.Path, m.skip, "", 1)}
	return base.JoinPath(rest.EscapedPath())
}
