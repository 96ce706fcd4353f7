package egress

import (
	"bytes"
	"net"
	"net/netip"
	"testing"

	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
)

// FuzzRule reads rules: each is written as it is read.
func FuzzRule(f *testing.F) {
	for _, text := range []string{
		"10.1.2.3:80", "[fd00::/8]:80", "fe80::1%eth0", "::ffff:127.0.0.1", "::ffff:10.0.0.0/100",
		"a_b.example.test.:1", "localhost", "[db]:1", "10.1",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		rule, err := ParseRule(text)
		if err != nil {
			kittest.Fault(t, err)
			return
		}
		if again, err := ParseRule(rule.String()); err != nil || again != rule {
			t.Errorf("%q is %+v, written as %q, which is %+v (%v)", text, rule, rule, again, err)
		}
		if _, is := rule.loopback(); rule.ofLoopback() && !is {
			t.Errorf("%q is for all of the loopback network", text)
		}
	})
}

// FuzzRulesOf reads addresses in settings: each rule has a port.
func FuzzRulesOf(f *testing.F) {
	f.Add("https://go.example.test|http://10.1.2.3:3000/go,direct\thttp://user:secret@[fd00::1%25x]:8080/")
	f.Add("socks5://proxy.test https://:443 https://localhost:0/ http://%zz/")
	f.Fuzz(func(t *testing.T, text string) {
		for _, rule := range RulesOf(text) {
			if _, _, err := net.SplitHostPort(rule.String()); err != nil || rule.port == 0 {
				t.Errorf("%q: %v", rule, err)
			}
		}
	})
}

// FuzzQuestion answers what a build sends as a DNS message: the answer to a whole one has its id and is an answer.
func FuzzQuestion(f *testing.F) {
	f.Add([]byte("\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x05seven\x04test\x00\x00\x01\x00\x01"))
	f.Add([]byte("\x12\x34\x01"))
	f.Fuzz(func(t *testing.T, question []byte) {
		given := bytes.Clone(question)
		answer := serverFailure(question)
		if !bytes.Equal(given, question) || len(answer) != len(question) {
			t.Errorf("%q is answered with %q, and is %q now", given, answer, question)
		}
		if len(question) >= headerSize && (answer[2]&0x80 == 0 || answer[3]&0xf != 2 || !bytes.Equal(answer[:2], given[:2])) {
			t.Errorf("%q is answered with %q", given, answer)
		}
	})
}

// FuzzResolvConf reads the host's name servers: there is one, and the file that a build gets names the gateway alone.
func FuzzResolvConf(f *testing.F) {
	f.Add([]byte("nameserver 10.0.0.1\nnameserver fe80::1%eth0 # a\nsearch example.test\noptions edns0"))
	f.Add([]byte("nameserver\n\tnameserver x\n"))
	f.Fuzz(func(t *testing.T, content []byte) {
		servers, own := readResolvConf(content)
		again, _ := readResolvConf(own)
		gateway := []netip.AddrPort{netip.AddrPortFrom(gateways[0], dnsPort)}
		if len(servers) == 0 || len(again) != 1 || again[0] != gateway[0] {
			t.Errorf("%q is %v, and %q, which is %v", content, servers, own, again)
		}
	})
}
