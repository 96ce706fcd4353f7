package egress

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"
	"testing"
)

// TestTranslated has networks with prefixes of their own. The addresses are those of RFC 6052, section 2.4, for 192.0.2.33, and the same
// for 10.1.2.3.
func TestTranslated(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ only, public, private string }{
		{"2001:db8:c000:aa::", "2001:db8:c000:221::", "2001:db8:a01:203::"},
		{"2001:db8:1c0:0:aa::", "2001:db8:1c0:2:21::", "2001:db8:10a:102:3::"},
		{"2001:db8:122:c000:0:aa00::", "2001:db8:122:c000:2:2100::", "2001:db8:122:a01:2:300::"},
		{"2001:db8:122:3c0:0:ab::", "2001:db8:122:3c0:0:221::", "2001:db8:122:30a:1:203::"},
		{"2001:db8:122:344:c0:0:aa00::", "2001:db8:122:344:c0:2:2100::", "2001:db8:122:344:a:102:300::"},
		{"2001:db8:122:344::192.0.0.171", "2001:db8:122:344::192.0.2.33", "2001:db8:122:344::10.1.2.3"},
	} {
		asked := 0
		translated := &translators{lookup: func(_ context.Context, network, host string) ([]netip.Addr, error) {
			asked++
			if network != "ip6" || host != "ipv4only.arpa." {
				t.Errorf("asked for %s of %s", network, host)
			}
			return []netip.Addr{netip.MustParseAddr(tt.only)}, nil
		}}
		for address, want := range map[string]string{
			tt.public: "", tt.private: "a private address", "2001:db9::10.1.2.3": "", "192.0.2.33": "", "::ffff:192.0.2.33": "",
		} {
			if is := translated.special(t.Context(), netip.MustParseAddr(address)); is != want {
				t.Errorf("with %s, %s is %q, want %q", tt.only, address, is, want)
			}
		}
		if asked != 1 {
			t.Errorf("asked %d times", asked)
		}
	}
}

// TestTranslatesNothing asks name servers that do not translate, and some that do not answer.
func TestTranslatesNothing(t *testing.T) {
	t.Parallel()
	var err error = &net.DNSError{Err: "no such host", IsNotFound: true}
	translated := &translators{lookup: func(context.Context, string, string) ([]netip.Addr, error) { return nil, err }}
	address := netip.MustParseAddr("2001:db8::10.1.2.3")
	if is := translated.special(t.Context(), address); is != "" {
		t.Errorf("%s is %s", address, is)
	}
	err = &net.DNSError{Err: "timeout", IsTimeout: true}
	translated = &translators{lookup: translated.lookup}
	if is := translated.special(t.Context(), address); !strings.Contains(is, "may lead to a private address") {
		t.Errorf("without an answer, %s is %q", address, is)
	}
	err = errors.Join() // the next answer counts
	if is := translated.special(t.Context(), address); is != "" {
		t.Errorf("after an answer, %s is %s", address, is)
	}
}
