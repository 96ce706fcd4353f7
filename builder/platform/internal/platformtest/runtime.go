package platformtest

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// Runtime is Node.js of the line 24 in an app's layer node.
type Runtime struct {
	Version string
	Exact   bool   // the app's packages are of use to this version alone
	Recipe  int    // of the buildpack
	Package string // the version of a package of Debian in the bill of materials
}

// Layer makes the layer of the runtime.
func (r Runtime) Layer(t *testing.T) v1.Layer {
	t.Helper()
	return Layer(t, "/layers/strata_node/node/bin/node", fmt.Sprint(r.Version, r.Recipe, r.Package))
}

// Data returns the metadata of the layer of the runtime.
func (r Runtime) Data() json.RawMessage {
	return json.RawMessage(fmt.Sprintf(
		`{"key":%q,"runtime":{"abi":"node-137","asked":"","id":"node","line":"24","version":%q}}`,
		fmt.Sprintf(`{"recipe":%d,"node":%q}`, r.Recipe, r.Version), r.Version))
}

// BillName is the file of the runtime's bill of materials.
const BillName = "sbom.cdx.json"

// Bill returns the bill of materials of the runtime.
func (r Runtime) Bill() []byte {
	components := ""
	if r.Package != "" {
		components = fmt.Sprintf(`,"components":[{"name":"libx","version":%[1]q,"purl":"pkg:deb/debian/libx@%[1]s"}]`, r.Package)
	}
	return []byte(`{"bomFormat":"CycloneDX","specVersion":"1.6","serial":"` + r.Version + `"` + components + `}`)
}

// App makes an app image on a run image as an export does.
func (r Runtime) App(t *testing.T, on v1.Image, runName string) v1.Image {
	t.Helper()
	node, modules, bills := r.Layer(t), Layer(t, "/layers/strata_node/modules/x", "x"), r.bills(t)
	var adds []mutate.Addendum
	history := v1.History{Created: epoch, CreatedBy: "a buildpack"}
	for _, layer := range []v1.Layer{modules, node, bills} {
		adds = append(adds, mutate.Addendum{Layer: layer, MediaType: types.OCILayer, History: history})
	}
	layerSaid := func(layer v1.Layer, data string) string {
		return fmt.Sprintf(`{"sha":%q,"data":%s,"build":false,"launch":true,"cache":false}`, diffID(t, layer), data)
	}
	needs := fmt.Sprintf(`{"key":"\u003ck\u003e","needs":[{"exact":%t,"id":"node","version":%q}],"number":9007199254740993}`,
		r.Exact, r.Version)
	buildpacks := fmt.Sprintf(
		`"buildpacks":[{"key":"strata/node","version":"0.1.0","layers":{"modules":%s,"node":%s},"store":{"metadata":{}}}],`,
		layerSaid(modules, needs), layerSaid(node, string(r.Data())))
	return image(t, App(t, on, runName, "app", nil), adds, func(config *v1.ConfigFile) {
		const label = "io.buildpacks.lifecycle.metadata"
		before, after, _ := strings.Cut(config.Config.Labels[label], `"sbom":`)
		_, after, _ = strings.Cut(after, `"config":`)
		config.Config.Labels[label] = fmt.Sprintf(`%s"sbom":{"sha":%q},%s"config":%s`, before, diffID(t, bills), buildpacks, after)
	})
}

// bills is a layer with the bills of materials of the runtime and of another layer, as an export writes it.
func (r Runtime) bills(t *testing.T) v1.Layer {
	t.Helper()
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	for _, file := range []struct {
		name, content string
	}{
		{"/layers/sbom/launch", ""}, {"/layers/sbom/launch/strata_node/modules/" + BillName, "{}"},
		{"/layers/sbom/launch/strata_node/node", ""}, {"/layers/sbom/launch/strata_node/node/" + BillName, string(r.Bill())},
	} {
		header := &tar.Header{Name: file.name, Typeflag: tar.TypeReg, Mode: 0o644, Size: int64(len(file.content)), ModTime: epoch.Time, Uid: 1001}
		if file.content == "" {
			header.Typeflag, header.Mode = tar.TypeDir, 0o755
		}
		if err := w.WriteHeader(header); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, file.content); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return layerOf(t, archive.Bytes())
}

func diffID(t *testing.T, layer v1.Layer) string {
	t.Helper()
	digest, err := layer.DiffID()
	if err != nil {
		t.Fatal(err)
	}
	return digest.String()
}
