package integration

import (
	"strings"
	"testing"
)

// TestLabelsAndVariables builds an app with labels and with variables of its own; a rebuild without them has none.
func TestLabelsAndVariables(t *testing.T) {
	suite(t)
	t.Parallel()
	app, name := nodeSample(t, "hello"), image(t)
	got := inspect(t, build(t, app, name, "-e", "BP_IMAGE_LABELS=team=web 'motto=small images'", "-e", "BP_OCI_TITLE=Hello", "-e", "BPE_OVERRIDE_NODE_ENV=staging"))
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
