package egress

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
)

func TestParseRule(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"10.1.2.3": "10.1.2.3", "10.1.2.3:80": "10.1.2.3:80", "10.0.0.0/8": "10.0.0.0/8", "10.0.0.0/8:80": "10.0.0.0/8:80",
		"fd00::1": "fd00::1", "[fd00::1]": "fd00::1", "[fd00::1]:80": "[fd00::1]:80", "fd00::/8": "fd00::/8", "[fd00::/8]:80": "[fd00::/8]:80",
		"db": "db", "db:5432": "db:5432", "a_b.example.test": "a_b.example.test", "example.test.:1": "example.test.:1",
		"127.0.0.1:80": "127.0.0.1:80", "localhost:80": "localhost:80", "[::1]:80": "[::1]:80", "LOCALHOST.:80": "LOCALHOST.:80",
	} {
		rule, err := ParseRule(text)
		if err != nil || rule.String() != want {
			t.Errorf("%s: got %q and %v, want %q", text, rule, err, want)
		}
	}
	var faults strings.Builder
	for _, text := range []string{
		"", ":80", "db:", "db:0", "db:65536", "db:http", "10.1", "10.1.2", "300.1.1.1", "10.0.0.0/33",
		"https://db.example.test", "-db", "a b", "*.test",
		"localhost", "127.0.0.1", "127.0.0.0/8:80", "127.0.0.0/8", "::1",
	} {
		_, err := ParseRule(text)
		if !errors.As(err, new(fault.Fault)) {
			t.Errorf("%q: got %v, want a fault", text, err)
			continue
		}
		faults.WriteString(err.Error() + "\n")
	}
	kittest.Golden(t, "rule.txt", faults.String())
}

// TestRulesOf takes the addresses of settings, by the ports that their schemes stand for.
func TestRulesOf(t *testing.T) {
	t.Parallel()
	var got []string
	for _, rule := range RulesOf(
		"https://go.example.test|http://10.1.2.3:3000/go,direct", "off", "sum.example.test https://10.1.2.4/sumdb",
		"http://localhost:4873/", "https://go.example.test/again", "http://user:secret@[fd00::1]:8080/", "socks5://proxy.test",
		"file:///platform/bindings/mirror", "ftp://a.test", "",
		"https://mirror.test/{originalHost},skip-path=/pool", "http://127.0.0.1/", "sparse+https://crates.test/index/",
	) {
		got = append(got, rule.String())
	}
	want := []string{
		"go.example.test:443", "10.1.2.3:3000", "10.1.2.4:443", "localhost:4873", "[fd00::1]:8080", "proxy.test:1080", "mirror.test:443",
		"127.0.0.1:80", "crates.test:443",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestResolvConf keeps all of the machine's file but its name servers.
func TestResolvConf(t *testing.T) {
	t.Parallel()
	servers, own := readResolvConf([]byte(
		"# by hand\nnameserver 10.0.0.1\nsearch a.test b.test\nnameserver fe80::1%eth0\nnameserver none\noptions ndots:2\n"))
	if len(servers) != 2 || servers[0].String() != "10.0.0.1:53" || servers[1].String() != "[fe80::1%eth0]:53" {
		t.Errorf("got the name servers %v", servers)
	}
	if want := "nameserver 192.0.0.1\n# by hand\nsearch a.test b.test\noptions ndots:2\n"; string(own) != want {
		t.Errorf("got %q, want %q", own, want)
	}
	if servers, _ := readResolvConf(nil); len(servers) != 1 || servers[0].String() != "127.0.0.1:53" {
		t.Errorf("of no file: got %v", servers)
	}
}

// TestServerFailure answers a question that no name server answers.
func TestServerFailure(t *testing.T) {
	t.Parallel()
	question := []byte{7, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1}
	if diff := cmp.Diff([]byte{7, 7, 0x81, 2, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1}, serverFailure(question)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
