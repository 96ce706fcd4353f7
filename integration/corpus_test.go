package integration

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
)

// small is an app that shows one thing: the smallest that does.
type small struct {
	who       who
	name      string
	app       map[string]string // path -> content
	flags     []string
	processes []string // types, the default one has a star
	layers    []string // BUILDPACK/LAYER of the app image, by name
	path      string   // that is asked, / if it is empty
	answer    string
	fails     []string // texts of the message of a build that stops
}

// TestGoCorpus builds what people's programs in Go look like.
func TestGoCorpus(t *testing.T) { corpus(t, goCorpus) }

// TestNodeCorpus builds what people's apps for Node.js look like.
func TestNodeCorpus(t *testing.T) { corpus(t, nodeCorpus) }

// TestPythonCorpus builds what people's apps in Python look like, and small programs of others.
func TestPythonCorpus(t *testing.T) { corpus(t, pythonCorpus) }

// TestWebCorpus builds what people's sites look like.
func TestWebCorpus(t *testing.T) { corpus(t, webCorpus) }

func corpus(t *testing.T, apps []small) {
	suite(t, anyUser)
	t.Parallel()
	for _, one := range apps {
		t.Run(one.name, func(t *testing.T) {
			skipShown(t, one.who)
			t.Parallel()
			one.build(t)
		})
	}
}

// build writes the app and checks it.
func (s small) build(t *testing.T) {
	t.Helper()
	app := filepath.Join(t.TempDir(), "app")
	kittest.Write(t, app, s.app)
	s.check(t, app)
}

func (s small) check(t *testing.T, app string) {
	t.Helper()
	name := image(t)
	got := strata(t, append([]string{"build", app, "-t", name, "-q"}, s.flags...)...)
	if len(s.fails) > 0 {
		for _, text := range s.fails {
			if got.status != 1 || !strings.Contains(got.stderr, text) {
				t.Errorf("status %d, want 1 and a message with %q:\n%s", got.status, text, got.stderr)
			}
		}
		return
	}
	if got.status != 0 {
		t.Fatalf("status %d:\n%s", got.status, got.stderr)
	}
	path := s.path
	if path == "" {
		path = "/"
	}
	if body := ask(t, name, path); !strings.Contains(body, s.answer) {
		t.Errorf("%s answers %q, want %q", path, body, s.answer)
	}
	b := open(t, digestOf(t, got))
	if diff := cmp.Diff(s.processes, b.processes(t)); diff != "" {
		t.Errorf("processes (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(s.layers, b.contributed(t)); diff != "" {
		t.Errorf("layers (-want +got):\n%s", diff)
	}
}

// contributed returns the layers of buildpacks, BUILDPACK/LAYER, sorted.
func (b built) contributed(t *testing.T) []string {
	t.Helper()
	var metadata struct {
		Buildpacks []struct {
			Key    string
			Layers map[string]struct{ Launch bool }
		}
	}
	b.label(t, "io.buildpacks.lifecycle.metadata", &metadata)
	var all []string
	for _, one := range metadata.Buildpacks {
		for name, l := range one.Layers {
			if l.Launch {
				all = append(all, one.Key+"/"+name)
			}
		}
	}
	slices.Sort(all)
	return all
}

// goServer is a program that answers every request with a text.
func goServer(text string) string {
	return fmt.Sprintf(`package main

import (
	"fmt"
	"net/http"
	"os"
)

func main() {
	http.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, %q) })
	if err := http.ListenAndServe(":"+os.Getenv("PORT"), nil); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
`, text)
}

// goTool is a program that ends at once.
const goTool = "package main\n\nfunc main() {}\n"

// nodeServer is a program that answers every request with the value of an expression.
func nodeServer(expression string) string {
	return fmt.Sprintf("require('node:http').createServer((_, answer) => answer.end(String(%s))).listen(process.env.PORT)\n", expression)
}

// nodeModule is nodeServer as a module of ECMAScript.
func nodeModule(expression string) string {
	return fmt.Sprintf("import http from 'node:http'\nhttp.createServer((_, answer) => answer.end(String(%s))).listen(process.env.PORT)\n",
		expression)
}
