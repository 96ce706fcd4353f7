package integration

import (
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestPlatformLabelsAndVariables builds an app with labels and variables. Built again without them, it has none.
func TestPlatformLabelsAndVariables(t *testing.T) {
	suite(t, anyUser)
	t.Parallel()
	app, name := nodeSample(t, "hello"), image(t)
	got := inspect(t, build(t, app, name,
		"-e", "BP_IMAGE_LABELS=team=web 'motto=small images'", "-e", "BP_OCI_TITLE=Hello", "-e", "BPE_OVERRIDE_NODE_ENV=staging"))
	want := map[string]string{"team": "web", "motto": "small images", "org.opencontainers.image.title": "Hello"}
	for label, value := range want {
		if is := got.config.Config.Labels[label]; is != value {
			t.Errorf("label %s is %q, want %q", label, is, value)
		}
	}
	if body := ask(t, name, "/env"); !strings.HasPrefix(body, "staging") {
		t.Errorf("NODE_ENV is %q, want staging", body)
	}
	without := inspect(t, build(t, app, name))
	for label := range want {
		if is, found := without.config.Config.Labels[label]; found {
			t.Errorf("without the variable, label %s is %q", label, is)
		}
	}
	if body := ask(t, name, "/env"); !strings.HasPrefix(body, "production") {
		t.Errorf("without the variable NODE_ENV is %q, want production", body)
	}
}

// TestPlatformMisspelt has one buildpack of a group warn of a variable that none reads, and the log say more on demand.
func TestPlatformMisspelt(t *testing.T) {
	suite(t, anyUser)
	t.Parallel()
	got := strata(t, "build", nodeSample(t, "hello"), "-t", image(t),
		"-e", "BP_OCI_TITEL=x", "-e", "BP_OCI_VENDOR=y", "-e", "BP_LOG_LEVEL=debug")
	log := got.stdout + got.stderr
	for text, times := range map[string]int{
		"BP_OCI_TITEL is set but nothing reads it; did you mean BP_OCI_TITLE?": 1, "nothing reads it": 1,
		"debug: the build plan asks for: node, strata/variables": 1, "debug: variables that are set: BP_OCI_VENDOR": 1,
	} {
		if n := strings.Count(log, text); n != times || got.status != 0 {
			t.Errorf("status %d, and the log has %q %d times, want %d:\n%s", got.status, text, n, times, log)
		}
	}
}

// TestPlatformLiveReload changes a file of a running app, as tools that synchronise folders do. Node.js' inspector is open.
func TestPlatformLiveReload(t *testing.T) {
	suite(t, anyUser)
	t.Parallel()
	app, name, port := nodeSample(t, "hello"), image(t), freePort(t)
	edit(t, app, "package.json", "Hello from Node.js.", "Hello from "+port) // which is how its folder is found
	build(t, app, name, "-e", "BP_LIVE_RELOAD_ENABLED=true", "-e", "BP_DEBUG_ENABLED=true")
	if body := ask(t, name, "/", "--process", "no-reload"); !strings.HasPrefix(body, "Hello from "+port) {
		t.Errorf("no-reload answers %q", body)
	}
	debug := freePort(t)
	start(t, name, "--port", port, "--env", "BPL_DEBUG_ENABLED=true", "--env", "BPL_DEBUG_PORT="+debug)
	eventually(t, "http://127.0.0.1:"+port+"/", "Hello from "+port+"\n")
	if about, err := answerOf(t.Context(), "http://127.0.0.1:"+debug+"/json/version"); err != nil || !strings.Contains(about, "node.js/v") {
		t.Errorf("the inspector answers %q: %v", about, err)
	}
	found := ""
	folders, err := filepath.Glob(filepath.Join(home(), "tmp", "*", "root", "workspace"))
	if err != nil {
		t.Fatal(err)
	}
	for _, folder := range folders {
		manifest, err := os.ReadFile(filepath.Join(folder, "package.json"))
		if err == nil && strings.Contains(string(manifest), "Hello from "+port) {
			found = folder
		}
	}
	if found == "" {
		t.Fatalf("none of %v is the app", folders)
	}
	edit(t, found, "server.js", "greeting + ", "'Another greeting' + ")
	eventually(t, "http://127.0.0.1:"+port+"/", "Another greeting\n")
}

// eventually asks an app until it gives the answer.
func eventually(t *testing.T, url, want string) {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for last := ""; ; {
		if body, err := answerOf(ctx, url); err == nil {
			last = body
		}
		if last == want {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("%s answers %q, want %q", url, last, want)
		case <-tick.C:
		}
	}
}

func answerOf(ctx context.Context, url string) (string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return string(body), err
}
