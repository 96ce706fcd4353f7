package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// samples are the apps of the integration tests.
const samples = "integration/testdata"

// app is an Image of kpack.
type app struct {
	name, stack string
	source      object
	secret      string // binding, "" for none
}

func (a app) tag() string { return registry + "/apps/" + a.name }

// blobOf and gitOf are sources that the cluster serves.
func blobOf(file string) object { return object{"blob": object{"url": sources + "/" + file}} }

func gitOf(repository string) object {
	return object{"git": object{"url": sources + "/git/" + repository, "revision": "main"}}
}

// The apps. Two can be built by no means, and say why.
var (
	site    = app{name: "site", stack: "static", source: blobOf("site.tgz")}
	hello   = app{name: "hello", stack: "static", source: gitOf("hello.git")}
	server  = app{name: "server", stack: "glibc", source: blobOf("server.tgz")}
	private = app{name: "private", stack: "static", source: blobOf("private.tgz"), secret: "company"}

	wrongLibc = app{name: "server-static", stack: "static", source: blobOf("server.tgz")}
	noSecret  = app{name: "private-untrusted", stack: "static", source: blobOf("private.tgz")}
)

// image is the resource of an app.
func (a app) image() object {
	build := object{}
	if a.secret != "" {
		build["services"] = []object{{"kind": "Secret", "name": a.secret, "apiVersion": "v1"}}
	}
	return object{
		"apiVersion": "kpack.io/v1alpha2", "kind": "Image", "metadata": object{"name": a.name, "namespace": "apps"},
		"spec": object{
			"tag": a.tag(), "serviceAccountName": "builder", "source": a.source, "build": build,
			"builder": object{"kind": "ClusterBuilder", "name": "strata-" + a.stack},
			"cache":   object{"registry": object{"tag": registry + "/caches/" + a.name}},
		},
	}
}

// namespace makes the namespace of the apps, which takes no pod with more rights than it needs, and the secret with the company's
// authority.
func (c *cluster) namespace(ctx context.Context, company *authority) error {
	return c.apply(ctx,
		object{"apiVersion": "v1", "kind": "Namespace", "metadata": object{
			"name": "apps", "labels": object{"pod-security.kubernetes.io/enforce": "restricted"},
		}},
		object{"apiVersion": "v1", "kind": "ServiceAccount", "metadata": object{"name": "builder", "namespace": "apps"}},
		object{
			"apiVersion": "v1", "kind": "Secret", "metadata": object{"name": "company", "namespace": "apps"},
			"type":       "servicebinding.io/ca-certificates",
			"stringData": object{"type": "ca-certificates", "company.pem": string(company.text())},
		},
	)
}

// makeSources serves the source of all apps.
func (c *cluster) makeSources(ctx context.Context) error {
	sums, err := c.module("modules.example.test/word", "v1.0.0", companyModule)
	if err != nil {
		return err
	}
	release, err := os.ReadFile(filepath.Join(samples, "go/hello/go.mod"))
	if err != nil {
		return err
	}
	files := map[string]string{
		"go.mod":  strings.Replace(string(release), "hello", "private", 1) + "\nrequire modules.example.test/word v1.0.0\n",
		"go.sum":  sums,
		"main.go": privateProgram,
		// The cluster says where modules come from, and an app cannot change it.
		"project.toml": "[_]\nschema-version = \"0.2\"\n\n[[io.buildpacks.build.env]]\nname = \"GOPROXY\"\nvalue = \"off\"\n",
	}
	for file, content := range files {
		if err := c.write([]byte(content), "source", "private", file); err != nil {
			return err
		}
	}
	if err := os.CopyFS(c.path("source", "hello"), os.DirFS(samples+"/go/hello")); err != nil {
		return err
	}
	return errors.Join(
		c.blob(samples+"/web/plain", "site.tgz"), c.blob(samples+"/node/hello", "server.tgz"),
		c.blob(c.path("source", "private"), "private.tgz"),
		c.commit(ctx, c.path("source", "hello"), "hello.git", "first"),
	)
}

const privateProgram = `package main

import (
	"fmt"
	"log"
	"net/http"
	"os"

	"modules.example.test/word"
)

func main() {
	http.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, word.Word) })
	log.Fatal(http.ListenAndServe(":"+os.Getenv("PORT"), nil))
}
`

// pod is an app as a pod that has no right, whose user is a number that its image does not know, and which may write nowhere.
func (a app) pod(name string) object {
	return object{
		"apiVersion": "v1", "kind": "Pod", "metadata": object{"name": name, "namespace": "apps"},
		"spec": object{
			"restartPolicy": "Never", "automountServiceAccountToken": false,
			"securityContext": object{
				"runAsNonRoot": true, "runAsUser": 1000660000, "runAsGroup": 0, "seccompProfile": object{"type": "RuntimeDefault"},
			},
			"containers": []object{{
				"name": "app", "image": a.tag(), "imagePullPolicy": "Always", "env": []object{{"name": "PORT", "value": "8080"}},
				"readinessProbe": object{"tcpSocket": object{"port": 8080}, "periodSeconds": 1},
				"securityContext": object{
					"readOnlyRootFilesystem": true, "allowPrivilegeEscalation": false, "capabilities": object{"drop": []string{"ALL"}},
				},
			}},
		},
	}
}

// answer starts an app's newest image in a pod, asks it for / and returns the answer.
func (c *cluster) answer(ctx context.Context, a app) (string, error) {
	name := "run-" + a.name
	if _, err := c.kubectl(ctx, nil, "delete", "pod", "-n", "apps", name, "--ignore-not-found", "--grace-period=1"); err != nil {
		return "", err
	}
	if err := c.apply(ctx, a.pod(name)); err != nil {
		return "", err
	}
	if _, err := c.kubectl(ctx, nil, "wait", "-n", "apps", "pod/"+name, "--for=condition=Ready", "--timeout=5m"); err != nil {
		log, _ := c.kubectl(ctx, nil, "logs", "-n", "apps", name) // there is none of a container that did not start
		return "", fmt.Errorf("%w\n%s", err, log)
	}
	var pod struct {
		Status struct {
			PodIP string `json:"podIP"`
		} `json:"status"`
	}
	if err := c.get(ctx, &pod, "pod", "-n", "apps", name); err != nil {
		return "", err
	}
	return fetch(ctx, "http://"+pod.Status.PodIP+":8080/")
}
