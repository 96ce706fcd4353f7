package build

import (
	"bytes"
	"net/netip"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/strata-buildpacks/strata/builder/platform/builderimage"
	"github.com/strata-buildpacks/strata/builder/platform/egress"
	"github.com/strata-buildpacks/strata/builder/platform/internal/platformtest"
	"github.com/strata-buildpacks/strata/builder/platform/sandbox"
)

// testLifecycle is a lifecycle of a build of registry.test/team/app on run.test:5000/static, in folders that are not there.
func testLifecycle(t *testing.T, network sandbox.Network) (lifecycle, target) {
	t.Helper()
	s := platformtest.Store(t)
	platformtest.Put(t, s, "run.test:5000/static:13", platformtest.Run{}.Image(t))
	tt, err := newTarget(s, platformtest.Parse(t, "registry.test/team/app:1"), nil, "run.test:5000/static:13")
	if err != nil {
		t.Fatal(err)
	}
	rule, err := egress.ParseRule("localhost:4873")
	if err != nil {
		t.Fatal(err)
	}
	gateway, err := egress.New([]egress.Rule{rule}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return lifecycle{
		gateway: gateway, builder: &builderimage.Builder{Root: "/builder", Env: []string{"CNB_USER_ID=1"}, UID: 1, GID: 2},
		folders: folders{dir: "/tmp/1", caches: "/caches", tools: "/tools"}, network: network,
		proxies: []string{"HTTPS_PROXY=proxy"}, caBundle: "/ca.pem", report: func(Phase) {},
	}, tt
}

// atLoopback returns addresses of the lifecycle's registries.
func atLoopback(ports ...uint16) []netip.AddrPort {
	var addresses []netip.AddrPort
	for _, port := range ports {
		addresses = append(addresses, netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), port))
	}
	return addresses
}

// TestNetworkOfPhases asks what each phase wants of the sandbox. Those that read and write images reach the store alone,
// whatever network the build has.
func TestNetworkOfPhases(t *testing.T) {
	t.Parallel()
	for _, network := range []sandbox.Network{sandbox.OwnNetwork, sandbox.HostNetwork, sandbox.NoNetwork} {
		l, tt := testLifecycle(t, network)
		for _, p := range []phase{analyze(tt), restore(tt), export(tt, nil)} {
			spec := l.spec(p)
			if spec.Network != sandbox.NoNetwork {
				t.Errorf("%s of a build with the network %s has the network %s", p.name, network, spec.Network)
			}
			if !slices.Equal(spec.Listen, atLoopback(80, 5000)) || spec.Serve == nil {
				t.Errorf("%s finds registries at the ports %v, want 80 and 5000", p.name, spec.Listen)
			}
			checkBinds(t, p, spec, "/workspace rw", "/layers rw", "/tmp rw", "/home/cnb rw", "/platform", "/cache/layers rw", "/etc/hosts")
			if slices.Contains(spec.Env, "HTTPS_PROXY=proxy") {
				t.Errorf("%s has a proxy", p.name)
			}
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
			binds := []string{"/workspace rw", "/layers rw", "/tmp rw", "/home/cnb rw", "/platform", "/cache/build rw", "/cache/tools", "/etc/hosts"}
			if p.install {
				binds[6] += " rw"
			}
			if network != sandbox.NoNetwork {
				binds = append(binds, "/etc/resolv.conf", "/etc/ssl/certs/ca-certificates.crt")
			}
			checkBinds(t, p, spec, binds...)
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

// TestHosts has the lifecycle find the registries of both images at the loopback address, and no registry that is one.
func TestHosts(t *testing.T) {
	t.Parallel()
	_, tt := testLifecycle(t, sandbox.NoNetwork)
	if diff := cmp.Diff([]string{"registry.test", "run.test"}, tt.hosts()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"-insecure-registry", "registry.test", "-insecure-registry", "run.test:5000"}, tt.insecure()); diff != "" {
		t.Error(diff)
	}
	tt.app, tt.run = platformtest.Parse(t, "127.0.0.1:5000/app"), platformtest.Parse(t, "127.0.0.1:5000/run")
	if got := tt.hosts(); len(got) > 0 {
		t.Errorf("got %v for an address", got)
	}
	if got := tt.addresses(); !slices.Equal(got, atLoopback(5000)) {
		t.Errorf("got the ports %v, want one", got)
	}
}

// TestBuildpackLog cuts lines in pieces and drops those of the lifecycle.
func TestBuildpackLog(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	log := &buildpackLog{w: &out}
	for _, piece := range []string{"com", "piling\nTimer: Builder ran\nfailed to com", "pile\nERROR: failed to build: exit status 1\n"} {
		if n, err := log.Write([]byte(piece)); err != nil || n != len(piece) {
			t.Fatalf("wrote %d of %d bytes: %v", n, len(piece), err)
		}
	}
	if got, want := out.String(), "compiling\nfailed to compile\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
