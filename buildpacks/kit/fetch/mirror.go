package fetch

import (
	"errors"
	"net/url"
	"strings"
)

// Mirrors are from where files come instead of the hosts that their addresses name, by host in lower case and without a
// port. That of DefaultHost is for all other hosts.
type Mirrors map[string]Mirror

// DefaultHost stands for all hosts that have no mirror of their own.
const DefaultHost = "default"

// originalHost stands for the host that a file comes from otherwise.
const originalHost = "{originalHost}"

// Mirror is a place that has the files of other hosts.
type Mirror struct {
	address *url.URL // may hold credentials
	skip    string   // part of a file's path that the mirror's path lacks
}

// ParseMirror reads a mirror as libpak v2 does: an https or file address, in whose path {originalHost} stands for the
// host that a file comes from otherwise; after a comma skip-path=, a part of a file's path to leave out. The address may
// follow mirror=, and may be percent-encoded as a whole. An error has nothing of the text in it.
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

// rewrite parses an address and returns the one to ask, and whether that is a mirror's.
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
