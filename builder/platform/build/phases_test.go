package build

import (
	"bytes"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/strata-buildpacks/strata/builder/platform/builderimage"
	"github.com/strata-buildpacks/strata/builder/platform/egress"
	"github.com/strata-buildpacks/strata/builder/platform/sandbox"
)

// atLoopback returns addresses of the lifecycle's registries.
func atLoopback(ports ...uint16) []netip.AddrPort {
	var addresses []netip.AddrPort
	for _, port := range ports {
		addresses = append(addresses, netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), port))
	}
	return addresses
}

// TestSpecOfPhases asks what each phase wants of the sandbox.
func TestSpecOfPhases(t *testing.T) {
	t.Parallel()
	rule, err := egress.ParseRule("localhost:4873")
	if err != nil {
		t.Fatal(err)
	}
	gateway, err := egress.New([]egress.Rule{rule}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, network := range []sandbox.Network{sandbox.OwnNetwork, sandbox.HostNetwork, sandbox.NoNetwork} {
		l := lifecycle{
			gateway: gateway, builder: &builderimage.Builder{Root: "/builder", Env: []string{"CNB_USER_ID=1"}, UID: 1, GID: 2},
			folders: folders{dir: "/tmp/1", caches: "/caches", tools: "/tools", locks: "/locks"}, network: network,
			proxies: []string{"HTTPS_PROXY=proxy"}, caBundle: "/ca.pem", report: func(Phase) {},
			secrets: []sandbox.Folder{{Target: "/platform/env"}},
		}
		for _, p := range []phase{detectPhase, buildPhase, installPhase} {
			spec := l.spec(p)
			if spec.Network != network {
				t.Errorf("%s has the network %s, want %s", p.name, spec.Network, network)
			}
			var want []netip.AddrPort
			if network == sandbox.OwnNetwork {
				want = atLoopback(4873)
			}
			if !slices.Equal(spec.Listen, want) || (spec.Serve != nil) != (want != nil) || (spec.Connect != nil) != (want != nil) {
				t.Errorf("%s on the network %s finds %v", p.name, network, spec.Listen)
			}
			// What the platform believes of a build lies in /platform, which no build can write.
			binds := []string{"/workspace rw", "/layers rw", "/tmp rw", "/home/cnb rw", "/platform", "/cache/build rw", "/cache/tools", "/etc/hosts"}
			if p.install {
				binds[6] += " rw"
			}
			if network != sandbox.NoNetwork {
				binds = append(binds, "/etc/resolv.conf", "/etc/ssl/certs/ca-certificates.crt")
			}
			checkBinds(t, p, spec, binds...)
			lock := l.folders.toolLock("go1")
			if slices.ContainsFunc(spec.Binds, func(b sandbox.Bind) bool { return strings.HasPrefix(lock, b.Source+"/") }) {
				t.Errorf("%s sees the lock of a tool", p.name)
			}
			if diff := cmp.Diff(l.secrets, spec.InMemory); diff != "" {
				t.Errorf("%s has in memory (-want +got):\n%s", p.name, diff)
			}
			if !slices.Contains(spec.Env, "HTTPS_PROXY=proxy") {
				t.Errorf("%s has no proxy", p.name)
			}
			if i := slices.Index(spec.Args, "-analyzed"); i < 0 || spec.Args[i+1] != "/platform/analyzed.toml" {
				t.Errorf("%s reads what analysis found elsewhere: %v", p.name, spec.Args)
			}
		}
	}
}

// checkBinds compares what a phase sees of the host.
func checkBinds(t *testing.T, p phase, spec sandbox.Spec, want ...string) {
	t.Helper()
	var got []string
	for _, bind := range spec.Binds {
		text := bind.Target
		if bind.Writable {
			text += " rw"
		}
		got = append(got, text)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s sees (-want +got):\n%s", p.name, diff)
	}
}

// TestBuildpackLog cuts lines in pieces and drops those of the lifecycle.
func TestBuildpackLog(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	log := buildpackLog(&out)
	for _, piece := range []string{
		"com", "piling\nTimer: Builder ran\nfailed to com", "pile\nERROR: failed to build: exit status 1\n", "at the end",
	} {
		if n, err := log.Write([]byte(piece)); err != nil || n != len(piece) {
			t.Fatalf("wrote %d of %d bytes: %v", n, len(piece), err)
		}
	}
	if err := log.close(); err != nil {
		t.Fatal(err)
	}
	if got, want := out.String(), "compiling\nfailed to compile\nat the end"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestLongLine writes a line that has no end, in pieces that cut its characters.
func TestLongLine(t *testing.T) {
	t.Parallel()
	var got []byte
	var parts int
	log := &lines{show: func(line []byte) error {
		if len(line) > maxLine || !utf8.Valid(line) {
			t.Errorf("shows %d bytes, whole characters: %t", len(line), utf8.Valid(line))
		}
		parts++
		got = append(got, line...)
		return nil
	}}
	want := bytes.Repeat([]byte("x€"), 10*maxLine/4)
	for rest := want; len(rest) > 0; {
		n := min(len(rest), 1001)
		if _, err := log.Write(rest[:n]); err != nil {
			t.Fatal(err)
		}
		rest = rest[n:]
		if cap(log.pending) > 2*maxLine {
			t.Fatalf("keeps %d bytes", cap(log.pending))
		}
	}
	if err := log.close(); err != nil || parts < 10 || !bytes.Equal(got, want) {
		t.Errorf("got %d of %d bytes in %d parts (%v)", len(got), len(want), parts, err)
	}
	if wholeCharacters([]byte("x\xe2\x82")) != 1 || wholeCharacters([]byte("\x82\x82\x82\x82\x82")) != 5 {
		t.Error("a text that is not UTF-8 is kept back, or half a character is not")
	}
}
