package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"text/template"
	"time"
)

// The addresses of the cluster; scripts/cluster/init gives the node its own.
const (
	address  = "10.99.0.2"
	registry = address + ":5000"
)

//go:embed node
var nodeFiles embed.FS

// cluster is a node with Kubernetes and kpack, in namespaces of its own.
type cluster struct {
	dir      string // data, which goes when the cluster ends
	programs string // etcd, Kubernetes and kpack, compiled
	strata   string // the command
	stop     context.CancelCauseFunc
}

// path names a file of the cluster's data.
func (c *cluster) path(parts ...string) string {
	return filepath.Join(append([]string{c.dir}, parts...)...)
}

// write makes a file of the cluster's data, which is nobody else's to read.
func (c *cluster) write(content []byte, parts ...string) error {
	file := c.path(parts...)
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return err
	}
	return os.WriteFile(file, content, 0o600)
}

// render writes a file of the folder node with the cluster's addresses and folders.
func (c *cluster) render(name, token string, parts ...string) error {
	parsed, err := template.ParseFS(nodeFiles, "node/"+name)
	if err != nil {
		return err
	}
	var text strings.Builder
	err = parsed.Execute(&text, struct{ Dir, Address, Registry, Token string }{c.dir, address, registry, token})
	if err != nil {
		return err
	}
	return c.write([]byte(text.String()), parts...)
}

// configure writes what the programs of the node read.
func (c *cluster) configure() error {
	for name, to := range map[string]string{
		"containerd.toml": "containerd.toml", "kubelet.yaml": "kubelet.yaml", "proxy.yaml": "proxy.yaml",
		"bridge.conflist": "cni/bridge.conflist", "hosts.toml": "certs.d/" + registry + "/hosts.toml",
	} {
		if err := c.render(name, "", "node", to); err != nil {
			return err
		}
	}
	return errors.Join(c.keys(), c.tokens())
}

// keys writes the authority of the cluster, its server's certificate and the key of service accounts.
func (c *cluster) keys() error {
	authority, err := newAuthority("cluster")
	if err != nil {
		return err
	}
	names := []string{"kubernetes", "kubernetes.default", "kubernetes.default.svc"}
	server, err := authority.issue(names, address, "10.97.0.1", "127.0.0.1")
	if err != nil {
		return err
	}
	accounts, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return fmt.Errorf("making a key: %w", err)
	}
	for name, key := range map[string]any{"ca.key": authority.key, "server.key": server.PrivateKey, "accounts.key": accounts} {
		text, err := keyText(key)
		if err == nil {
			err = c.write(text, "keys", name)
		}
		if err != nil {
			return err
		}
	}
	public, err := publicText(&accounts.PublicKey)
	if err != nil {
		return err
	}
	return errors.Join(c.write(public, "keys", "accounts.pub"), c.write(authority.text(), "keys", "ca.crt"),
		c.write(certificateText(server.Certificate[0]), "keys", "server.crt"))
}

// tokens gives each program of the node a user.
func (c *cluster) tokens() error {
	var table strings.Builder
	for _, user := range []struct{ file, name, group string }{
		{"admin", "admin", "system:masters"},
		{"controllers", "system:kube-controller-manager", ""},
		{"scheduler", "system:kube-scheduler", ""},
		{"kubelet", "system:node:node", "system:nodes"},
		{"proxy", "system:kube-proxy", "system:node-proxier"},
	} {
		token := rand.Text()
		fmt.Fprintf(&table, "%s,%s,%s,%q\n", token, user.name, user.file, user.group)
		if err := c.render("kubeconfig.yaml", token, "keys", user.file+".kubeconfig"); err != nil {
			return err
		}
	}
	return c.write([]byte(table.String()), "keys", "tokens.csv")
}

// start runs a program until the cluster ends. If the program ends first, so does all.
func (c *cluster) start(ctx context.Context, program string, args ...string) error {
	name := filepath.Base(program)
	if err := os.MkdirAll(c.path("log"), 0o700); err != nil {
		return err
	}
	log, err := os.Create(c.path("log", name))
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		return err
	}
	go func() {
		err := cmd.Wait()
		c.stop(errors.Join(fmt.Errorf("%s has ended; the end of its log:\n%s", name, tail(log.Name())), err))
	}()
	return nil
}

// tail returns the end of a file.
func tail(file string) string {
	content, err := os.ReadFile(file)
	if err != nil {
		return err.Error()
	}
	return string(content[max(0, len(content)-4000):])
}

// controlPlane starts etcd and what decides.
func (c *cluster) controlPlane(ctx context.Context) error {
	keys := c.path("keys")
	err := c.start(ctx, c.program("etcd"), "--data-dir", c.path("etcd"), "--unsafe-no-fsync", "--log-level", "warn",
		"--listen-client-urls", "http://127.0.0.1:2379", "--advertise-client-urls", "http://127.0.0.1:2379",
		"--listen-peer-urls", "http://127.0.0.1:2380")
	if err != nil {
		return err
	}
	err = c.start(ctx, c.program("kube-apiserver"), "--etcd-servers=http://127.0.0.1:2379", "--advertise-address="+address,
		"--tls-cert-file="+keys+"/server.crt", "--tls-private-key-file="+keys+"/server.key", "--client-ca-file="+keys+"/ca.crt",
		"--token-auth-file="+keys+"/tokens.csv", "--authorization-mode=Node,RBAC", "--allow-privileged=true",
		"--service-account-issuer=https://kubernetes.default.svc", "--service-account-key-file="+keys+"/accounts.pub",
		"--service-account-signing-key-file="+keys+"/accounts.key", "--service-cluster-ip-range=10.97.0.0/24",
		"--enable-aggregator-routing=true", "--kubelet-preferred-address-types=InternalIP")
	if err != nil {
		return err
	}
	if err := c.until(ctx, "the API server answers", func() error {
		_, err := c.kubectl(ctx, nil, "get", "--raw", "/readyz")
		return err
	}); err != nil {
		return err
	}
	user := func(name string) []string {
		file := keys + "/" + name + ".kubeconfig"
		return []string{
			"--kubeconfig=" + file, "--authentication-kubeconfig=" + file, "--authorization-kubeconfig=" + file, "--leader-elect=false",
		}
	}
	return errors.Join(
		c.start(ctx, c.program("kube-scheduler"), user("scheduler")...),
		c.start(ctx, c.program("kube-controller-manager"), append(user("controllers"), "--use-service-account-credentials=true",
			"--service-account-private-key-file="+keys+"/accounts.key", "--root-ca-file="+keys+"/ca.crt",
			"--cluster-signing-cert-file="+keys+"/ca.crt", "--cluster-signing-key-file="+keys+"/ca.key")...))
}

// node starts what runs pods.
func (c *cluster) node(ctx context.Context) error {
	if err := c.start(ctx, "containerd", "--config", c.path("node", "containerd.toml")); err != nil {
		return err
	}
	if err := c.until(ctx, "containerd answers", func() error {
		_, err := os.Stat(c.path("run", "containerd.sock"))
		return err
	}); err != nil {
		return err
	}
	return errors.Join(
		c.start(ctx, c.program("kubelet"), "--config="+c.path("node", "kubelet.yaml"), "--kubeconfig="+c.path("keys", "kubelet.kubeconfig"),
			"--root-dir="+c.path("kubelet"), "--cert-dir="+c.path("run", "kubelet"), "--hostname-override=node", "--node-ip="+address),
		c.start(ctx, c.program("kube-proxy"), "--config="+c.path("node", "proxy.yaml")))
}

func (c *cluster) program(name string) string { return filepath.Join(c.programs, name) }

// until tries something until it succeeds. It says what it waited for if that takes more than five minutes.
func (c *cluster) until(ctx context.Context, what string, try func() error) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	for {
		err := try()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting until %s: %w: %w", what, context.Cause(ctx), err)
		case <-time.After(300 * time.Millisecond):
		}
	}
}
