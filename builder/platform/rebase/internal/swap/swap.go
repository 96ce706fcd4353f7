// Package swap puts another run image under an app, by the rules of the lifecycle's rebaser (buildpacks/spec, platform.md,
// "rebaser"). A test compares it with the pinned lifecycle.
package swap

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/strata-buildpacks/strata/builder/platform/store"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

const (
	metadataLabel  = "io.buildpacks.lifecycle.metadata"
	rebasableLabel = "io.buildpacks.rebasable"
	stackIDLabel   = "io.buildpacks.stack.id"
	mixinsLabel    = "io.buildpacks.stack.mixins"
	distroName     = "io.buildpacks.base.distro.name"
	distroVersion  = "io.buildpacks.base.distro.version"
)

// created is the time that the lifecycle gives every image.
var created = time.Date(1980, time.January, 1, 0, 0, 1, 0, time.UTC)

// App is an image that a lifecycle exported.
type App struct {
	name     string
	image    v1.Image
	config   *v1.ConfigFile
	metadata metadata
}

// metadata is the label io.buildpacks.lifecycle.metadata. Its keys are in the lifecycle's order. A rebase reads only those
// of the run image.
type metadata struct {
	App          json.RawMessage `json:"app"`
	SBOM         json.RawMessage `json:"sbom,omitempty"`
	Buildpacks   json.RawMessage `json:"buildpacks"`
	Config       json.RawMessage `json:"config"`
	Launcher     json.RawMessage `json:"launcher"`
	ProcessTypes json.RawMessage `json:"process-types"`
	RunImage     struct {
		TopLayer  string `json:"topLayer"`
		Reference string `json:"reference"`
		runImage
	} `json:"runImage"`
	Stack *stack `json:"stack,omitempty"`
}

type stack struct {
	RunImage runImage `json:"runImage"`
}

type runImage struct {
	Image   string   `json:"image,omitempty"`
	Mirrors []string `json:"mirrors,omitempty"`
}

// Base is a run image to move to.
type Base struct {
	Names      []string       // what the app calls it from now on: its name, then its mirrors
	Ref        name.Reference // where it was found
	InRegistry bool           // Ref is in its registry; otherwise it is in the store
	Image      v1.Image
}

// Open reads what a rebase has to know of an app image. The error of an image that is no app is a fault.
func Open(ref string, image v1.Image) (*App, error) {
	config, err := image.ConfigFile()
	if err != nil {
		return nil, fmt.Errorf("reading the configuration of %s: %w", ref, err)
	}
	app := &App{name: ref, image: image, config: config}
	label := config.Config.Labels[metadataLabel]
	if label == "" {
		return nil, fault.Fault{
			ID:   "rebase-no-metadata",
			What: ref + " has no label " + metadataLabel + ", so no buildpack built it",
			Do:   "rebuild it with `strata build`",
		}
	}
	if err := json.Unmarshal([]byte(label), &app.metadata); err != nil {
		return nil, fault.Fault{
			ID:   "rebase-no-metadata",
			What: ref + " has a label " + metadataLabel + " that cannot be read",
			Err:  err,
			Do:   "rebuild it with `strata build`",
		}
	}
	return app, nil
}

// Names returns the names of the app's run image: its name, then its mirrors. kpack writes NAME:TAG@DIGEST, where the
// digest is that of the day of the build, and moves the tag. Such a name is returned as NAME:TAG.
func (a *App) Names() []string {
	run := a.metadata.RunImage.runImage
	if run.Image == "" && a.metadata.Stack != nil {
		run = a.metadata.Stack.RunImage
	}
	if run.Image == "" {
		return nil
	}
	var names []string
	for _, recorded := range append([]string{run.Image}, run.Mirrors...) {
		names = append(names, unpinned(recorded))
	}
	return names
}

// unpinned cuts the digest off a name that has a tag, too.
func unpinned(image string) string {
	if tag, _, pinned := strings.Cut(image, "@"); pinned && strings.Contains(tag[strings.LastIndex(tag, "/")+1:], ":") {
		return tag
	}
	return image
}

// ByKpack reports whether kpack built the app: it names the run image by the tag *-run-image of a builder and by its digest.
func (a *App) ByKpack() bool {
	return a.metadata.Stack != nil && strings.Contains(a.metadata.Stack.RunImage.Image, "-run-image@")
}

// BaseDigest returns the digest of the run image that the app stands on. It is empty if no registry had the run image when
// the app was built.
func (a *App) BaseDigest() string {
	_, digest, _ := strings.Cut(a.metadata.RunImage.Reference, "@")
	return digest
}

// Standing returns the run image that the app stands on as NAME@DIGEST, the digest cut to 12 digits. It is empty if the app does not
// say it.
func (a *App) Standing() string {
	names := a.Names()
	if len(names) == 0 {
		return ""
	}
	return Short(names[0], a.BaseDigest())
}

// Short returns NAME@DIGEST with the digest cut to 12 digits, whatever digest the name itself has.
func Short(image, digest string) string {
	image, _, _ = strings.Cut(image, "@")
	_, hex, _ := strings.Cut(digest, ":")
	if len(hex) < 12 {
		return image
	}
	return image + "@" + hex[:12]
}

// Same returns a fault if another image is not the same app for the same platform.
func (a *App) Same(other *App) error {
	mine, err := a.own()
	if err != nil {
		return err
	}
	theirs, err := other.own()
	if err != nil {
		return err
	}
	if a.Platform().Equals(other.Platform()) && slices.Equal(mine, theirs) {
		return nil
	}
	return fault.Fault{
		ID: "rebase-undo", What: "what " + a.name + " was before its rebase, by its provenance, is another app",
		Do: "rebuild it with `strata build`",
	}
}

// Platform returns the platform that the app's image is for.
func (a *App) Platform() v1.Platform {
	return v1.Platform{OS: a.config.OS, Architecture: a.config.Architecture, Variant: a.config.Variant}
}

// On returns the app on another base, or the app's own image if it is on that base already. The error of a base that the
// rules refuse is a fault.
func (a *App) On(base Base) (v1.Image, error) {
	if err := store.CheckBase(base.Ref.String(), base.Image); err != nil {
		return nil, err
	}
	digest, err := base.Image.Digest()
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", base.Ref, err)
	}
	config, err := base.Image.ConfigFile()
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", base.Ref, err)
	}
	if err := a.check(base, config); err != nil {
		return nil, err
	}
	if len(config.RootFS.DiffIDs) == 0 {
		return nil, fault.Fault{ID: "rebase-base-empty", What: base.Ref.String() + " has no layers", Do: "name a run image"}
	}
	changed := a.metadata
	changed.RunImage.TopLayer = config.RootFS.DiffIDs[len(config.RootFS.DiffIDs)-1].String()
	changed.RunImage.Reference = base.Ref.Context().Digest(digest.String()).Name()
	if !contains(a.Names(), base.Names[0]) {
		changed.RunImage.runImage = runImage{Image: base.Names[0], Mirrors: base.Names[1:]}
		changed.Stack = &stack{RunImage: changed.RunImage.runImage}
	}
	label, err := json.Marshal(changed)
	if err != nil {
		return nil, fmt.Errorf("writing the metadata of %s: %w", a.name, err)
	}
	if string(label) == a.config.Config.Labels[metadataLabel] {
		return a.image, nil
	}
	return a.join(base, config, string(label))
}

// contains reports whether a list has a name. Registry and tag may be left out.
func contains(list []string, wanted string) bool {
	full := func(text string) string {
		if ref, err := name.ParseReference(text, name.WeakValidation); err == nil {
			return ref.Name()
		}
		return text
	}
	return slices.ContainsFunc(list, func(text string) bool { return full(text) == full(wanted) })
}

// join puts the app's layers on the base's.
func (a *App) join(base Base, baseConfig *v1.ConfigFile, label string) (v1.Image, error) {
	below, err := addenda(base.Image, baseConfig, 0)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", base.Ref, err)
	}
	cut, err := a.cut()
	if err != nil {
		return nil, err
	}
	above, err := addenda(a.image, a.config, cut)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", a.name, err)
	}
	manifest, err := a.image.Manifest()
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", a.name, err)
	}
	adds := append(below, above...)
	if manifest.MediaType == types.OCIManifestSchema1 {
		for i := range adds {
			if adds[i].MediaType == types.DockerLayer {
				adds[i].MediaType = types.OCILayer // the same bytes, by the image specification's name
			}
		}
	}
	image := mutate.ConfigMediaType(mutate.MediaType(empty.Image, manifest.MediaType), manifest.Config.MediaType)
	if image, err = mutate.Append(image, adds...); err != nil {
		return nil, fmt.Errorf("rebasing %s: %w", a.name, err)
	}
	config, err := image.ConfigFile()
	if err != nil {
		return nil, fmt.Errorf("rebasing %s: %w", a.name, err)
	}
	config.Architecture, config.OS, config.OSVersion = baseConfig.Architecture, baseConfig.OS, baseConfig.OSVersion
	config.Variant = baseConfig.Variant
	config.Created = v1.Time{Time: created}
	config.Config = *a.config.Config.DeepCopy()
	config.Config.Labels = labels(a.config.Config.Labels, baseConfig.Config.Labels)
	config.Config.Labels[metadataLabel] = label
	if image, err = mutate.ConfigFile(image, config); err != nil {
		return nil, fmt.Errorf("rebasing %s: %w", a.name, err)
	}
	return annotate(image, manifest.Annotations, base.Image)
}

// assemble returns an image with the media types and annotations of a manifest.
func assemble(name string, manifest *v1.Manifest, adds []mutate.Addendum, config *v1.ConfigFile) (v1.Image, error) {
	image := mutate.ConfigMediaType(mutate.MediaType(empty.Image, manifest.MediaType), manifest.Config.MediaType)
	image, err := mutate.Append(image, adds...)
	if err != nil {
		return nil, fmt.Errorf("rebasing %s: %w", name, err)
	}
	if image, err = mutate.ConfigFile(image, config); err != nil {
		return nil, fmt.Errorf("rebasing %s: %w", name, err)
	}
	if len(manifest.Annotations) == 0 {
		return image, nil
	}
	return mutate.Annotations(image, manifest.Annotations).(v1.Image), nil
}

// annotate gives the image the base's annotations, as an export does. It keeps those that only the app has.
func annotate(image v1.Image, annotations map[string]string, base v1.Image) (v1.Image, error) {
	manifest, err := base.Manifest()
	if err != nil {
		return nil, fmt.Errorf("reading the manifest of the run image: %w", err)
	}
	if len(annotations)+len(manifest.Annotations) == 0 {
		return image, nil
	}
	return mutate.Annotations(mutate.Annotations(image, annotations).(v1.Image), manifest.Annotations).(v1.Image), nil
}

// cut returns how many of the app's layers are the run image's.
func (a *App) cut() (int, error) {
	for i, diffID := range a.config.RootFS.DiffIDs {
		if diffID.String() == a.metadata.RunImage.TopLayer {
			return i + 1, nil
		}
	}
	return 0, fault.Fault{
		ID: "rebase-top-layer",
		What: fmt.Sprintf("%s has no layer %q, which its label %s calls the run image's top layer",
			a.name, a.metadata.RunImage.TopLayer, metadataLabel),
		Do: "rebuild it with `strata build`",
	}
}

// addenda returns an image's layers from one on, with their media types and history.
func addenda(image v1.Image, config *v1.ConfigFile, from int) ([]mutate.Addendum, error) {
	layers, err := image.Layers()
	if err != nil {
		return nil, err
	}
	var history []v1.History
	for _, entry := range config.History {
		if !entry.EmptyLayer {
			history = append(history, entry)
		}
	}
	if len(history) != len(layers) {
		history = make([]v1.History, len(layers)) // it does not say which entry is of which layer
		for i := range history {
			history[i].Created = v1.Time{Time: created}
		}
	}
	var adds []mutate.Addendum
	for i := from; i < len(layers); i++ {
		mediaType, err := layers[i].MediaType()
		if err != nil {
			return nil, err
		}
		adds = append(adds, mutate.Addendum{Layer: layers[i], History: history[i], MediaType: mediaType})
	}
	return adds, nil
}

// labels returns the app's labels, except those that describe the base: they are the base's.
func labels(app, base map[string]string) map[string]string {
	ofBase := func(label string) bool {
		return strings.HasPrefix(label, "io.buildpacks.stack.") || strings.HasPrefix(label, "io.buildpacks.base.")
	}
	all := map[string]string{}
	for label, value := range app {
		if !ofBase(label) {
			all[label] = value
		}
	}
	for label, value := range base {
		if ofBase(label) {
			all[label] = value
		}
	}
	return all
}
