package platform

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"golang.org/x/mod/sumdb/dirhash"

	"github.com/strata-buildpacks/strata/builder/platform/internal/attest"
	"github.com/strata-buildpacks/strata/builder/platform/internal/rebase"
	"github.com/strata-buildpacks/strata/builder/platform/internal/registry"
	"github.com/strata-buildpacks/strata/builder/platform/internal/sandbox"
	"github.com/strata-buildpacks/strata/builder/platform/internal/store"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/sbom"
)

// What a provenance calls the things that an image was made of.
const (
	sourceRole  = "source"
	builderRole = "builder"
	runRole     = "run image"
	imageRole   = "image"
)

// suffixProvenance is how the name of a file with provenance ends.
const suffixProvenance = ".provenance.json"

// Signer signs what is pushed to a registry.
type Signer = attest.Signer

// ReadKey reads the private key of a signer, in PEM: an ECDSA or Ed25519 key, or one of cosign's.
func ReadKey(path string) (*Signer, error) { return attest.ReadKey(path) }

// artifacts are what is attached to an app's image: bills of materials of all of it, and how it was made.
func artifacts(ref name.Reference, image v1.Image, base attest.Base, how attest.Provenance) ([]store.Artifact, error) {
	bill, err := attest.Bill(ref, image, base)
	if err != nil {
		return nil, err
	}
	return describe(ref, image, bill, &how)
}

// describe encodes what is attached to an image. A run image has no provenance: its lock says what it is made of.
func describe(ref name.Reference, image v1.Image, bill sbom.Document, how *attest.Provenance) ([]store.Artifact, error) {
	title := DefaultImage(ref.Context().RepositoryStr())
	attached, err := bills(title, bill)
	if err != nil || how == nil {
		return attached, err
	}
	digest, err := image.Digest()
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", ref, err)
	}
	how.RunDetails.Byproducts = nil
	for _, a := range attached {
		how.RunDetails.Byproducts = append(how.RunDetails.Byproducts, attest.FileResource(a.Title, a.Type, a.Content))
	}
	statement, err := how.Statement(ref, digest)
	if err != nil {
		return nil, err
	}
	return append(attached, store.Artifact{Type: attest.StatementType, Title: title + suffixProvenance, Content: statement}), nil
}

// bills are a bill of materials in its formats; title begins the names of its files.
func bills(title string, bill sbom.Document) ([]store.Artifact, error) {
	cdx, err := bill.CycloneDX()
	if err != nil {
		return nil, err
	}
	spdx, err := bill.SPDX()
	if err != nil {
		return nil, err
	}
	return []store.Artifact{
		{Type: sbom.TypeCycloneDX, Title: title + sbom.SuffixCycloneDX, Content: cdx},
		{Type: sbom.TypeSPDX, Title: title + sbom.SuffixSPDX, Content: spdx},
	}, nil
}

// base is a run image with what its attached bill of materials says.
func base(ref name.Reference, image v1.Image, attached []store.Artifact) (attest.Base, error) {
	b := attest.Base{Ref: ref, Image: image}
	for _, a := range attached {
		if a.Type == sbom.TypeCycloneDX {
			var err error
			if b.Bill, err = sbom.ParseCycloneDX(a.Content); err != nil {
				return b, fmt.Errorf("reading the bill of materials of %s: %w", ref, err)
			}
		}
	}
	return b, nil
}

// provenance says how the build was asked for and what went into it: the app is on that run image.
func (b *build) provenance(runImage v1.Image) (attest.Provenance, error) {
	env, withheld := map[string]string{}, []string{}
	for key, value := range b.Env {
		if strings.HasPrefix(key, "BP_") || strings.HasPrefix(key, "BPE_") {
			env[key] = value
		} else {
			withheld = append(withheld, key) // the value may be a secret
		}
	}
	slices.Sort(withheld)
	bindings := []string{}
	for _, binding := range b.Bindings {
		bindings = append(bindings, filepath.Base(binding))
	}
	network := "default"
	if b.Network == sandbox.NoNetwork {
		network = "none"
	}
	parameters := map[string]any{"env": env, "envWithheld": withheld, "bindings": bindings, "network": network, "runImage": b.RunImage}
	for name, list := range map[string][]string{"buildpacks": b.Buildpacks, "preBuildpacks": b.Pre, "postBuildpacks": b.Post} {
		if len(list) > 0 {
			parameters[name] = list
		}
	}
	builderRef, err := ParseReference(b.Builder)
	if err != nil {
		return attest.Provenance{}, err
	}
	run, err := runImage.Digest()
	if err != nil {
		return attest.Provenance{}, fmt.Errorf("reading %s: %w", b.runRef, err)
	}
	dependencies := []attest.Resource{attest.ImageResource(builderRole, builderRef, b.builder.digest), attest.ImageResource(runRole, b.runRef, run)}
	if b.sourceHash != "" {
		dependencies = append(dependencies, attest.Resource{Name: sourceRole, Digest: map[string]string{"dirHash": b.sourceHash}})
	}
	return attest.NewProvenance(attest.BuildType, parameters, dependencies...), nil
}

// attested is what is attached to the image that was built.
func (b *build) attested(image v1.Image) ([]store.Artifact, error) {
	runImage, err := b.home.store.Image(b.runRef)
	if err != nil {
		return nil, err
	}
	how, err := b.provenance(runImage)
	if err != nil {
		return nil, err
	}
	on, err := b.home.storedBase(b.runRef, runImage)
	if err != nil {
		return nil, err
	}
	return artifacts(b.image, image, on, how)
}

// storedBase is a run image with what the store has attached to it.
func (h *Home) storedBase(ref name.Reference, image v1.Image) (attest.Base, error) {
	digest, err := image.Digest()
	if err != nil {
		return attest.Base{}, fmt.Errorf("reading %s: %w", ref, err)
	}
	attached, err := h.store.Artifacts(digest)
	if err != nil {
		return attest.Base{}, err
	}
	return base(ref, image, attached)
}

// hashSource is the digest of a folder's regular files (in-toto/attestation, spec/v1/digest_set.md, "dirHash"), empty
// when it has none because a file's name has a line break.
func hashSource(dir string) (string, error) {
	var files []string
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		relative, err := filepath.Rel(dir, path)
		files = append(files, relative)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("reading the app: %w", err)
	}
	if slices.ContainsFunc(files, func(file string) bool { return strings.Contains(file, "\n") }) {
		return "", nil
	}
	h1, err := dirhash.Hash1(files, func(file string) (io.ReadCloser, error) { return os.Open(filepath.Join(dir, file)) })
	if err != nil {
		return "", fmt.Errorf("reading the app: %w", err)
	}
	sum, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(h1, "h1:"))
	if err != nil {
		return "", fmt.Errorf("reading the app: %w", err)
	}
	return hex.EncodeToString(sum), nil
}

// WriteAttached writes the files that are attached to an image of the store into a folder.
func (h *Home) WriteAttached(image, dir string) error {
	found, err := h.Image(image, "build it with `strata build`")
	if err != nil {
		return err
	}
	digest, err := found.Digest()
	if err != nil {
		return fmt.Errorf("reading %s: %w", image, err)
	}
	attached, err := h.store.Artifacts(digest)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fault.Fault{ID: "output", What: "cannot write bills of materials into " + dir, Do: "name a folder that you may write", Err: err}
	}
	for _, a := range attached {
		err := store.Replace(filepath.Join(dir, a.Title), func(w io.Writer) error {
			_, err := w.Write(a.Content)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// push writes an image and what is attached to it. Nothing has a name in the registry before all that is about it is there.
func push(ctx context.Context, client *registry.Client, refs []name.Reference, image v1.Image, attached []store.Artifact, signer *Signer) error {
	done := map[name.Repository]bool{}
	for _, ref := range refs {
		if done[ref.Context()] {
			continue
		}
		done[ref.Context()] = true
		if err := attach(ctx, client, ref, image, attached, signer); err != nil {
			return err
		}
	}
	return client.Push(ctx, refs, image)
}

// attach writes artifacts of an image to its repository and, if there is a signer, a signature of the image, its
// provenance and its bill of materials.
func attach(ctx context.Context, client *registry.Client, ref name.Reference, image v1.Image, attached []store.Artifact, signer *Signer) error {
	subject, err := store.Subject(image)
	if err != nil {
		return fmt.Errorf("reading %s: %w", ref, err)
	}
	images := make([]v1.Image, len(attached))
	for i, a := range attached {
		if images[i], err = a.Image(subject); err != nil {
			return fmt.Errorf("attaching %s to %s: %w", a.Title, ref, err)
		}
	}
	if err := client.Attach(ctx, ref.Context(), images); err != nil || signer == nil {
		return err
	}
	return sign(ctx, client, ref, subject.Digest, attached, signer)
}

func sign(ctx context.Context, client *registry.Client, ref name.Reference, digest v1.Hash, attached []store.Artifact, signer *Signer) error {
	tag := attest.AttestationTag(ref.Context(), digest)
	there, err := client.Find(ctx, tag)
	if err != nil {
		return err
	}
	for _, a := range attached {
		statement, predicateType := a.Content, attest.PredicateType
		switch a.Type {
		case attest.StatementType:
		case sbom.TypeCycloneDX:
			predicateType = attest.BillType
			if statement, err = attest.BillStatement(ref, digest, a.Content); err != nil {
				return err
			}
		default:
			continue
		}
		if there, err = signer.Attestation(ctx, predicateType, statement, there); err != nil {
			return err
		}
	}
	if there != nil {
		if err := client.Push(ctx, []name.Reference{tag}, there); err != nil {
			return err
		}
	}
	tag = attest.SignatureTag(ref.Context(), digest)
	if there, err = client.Find(ctx, tag); err != nil {
		return err
	}
	if there, err = signer.Signature(ctx, ref.Context(), digest, there); err != nil {
		return err
	}
	return client.Push(ctx, []name.Reference{tag}, there)
}

// attachedAfter is what is to be attached to a rebased image of the store; nothing if nothing is attached to the image that it was.
func (h *Home) attachedAfter(ref name.Reference, old v1.Hash, image v1.Image, to rebase.Base) ([]store.Artifact, error) {
	before, err := h.store.Artifacts(old)
	if err != nil || len(before) == 0 {
		return nil, err
	}
	on, err := h.storedBase(to.Ref, to.Image)
	if err != nil {
		return nil, err
	}
	return afterRebase(ref, old, image, on, before)
}

// attachInRegistry is attachedAfter for a registry, where it writes what is to be attached, and signs it.
func (r *rebaser) attachInRegistry(ctx context.Context, ref name.Reference, old v1.Hash, image v1.Image, to rebase.Base) error {
	before, err := r.attached(ctx, ref.Context().Digest(old.String()), attest.StatementType)
	if err != nil {
		return err
	}
	var after []store.Artifact
	if len(before) > 0 {
		on, err := r.attestBase(ctx, to)
		if err != nil {
			return err
		}
		if after, err = afterRebase(ref, old, image, on, before); err != nil {
			return err
		}
	}
	return attach(ctx, r.client, ref, image, after, r.Signer)
}

// attestBase looks up once what a run image consists of.
func (r *rebaser) attestBase(ctx context.Context, to rebase.Base) (attest.Base, error) {
	if !to.InRegistry {
		return r.home.storedBase(to.Ref, to.Image)
	}
	digest, err := to.Image.Digest()
	if err != nil {
		return attest.Base{}, fmt.Errorf("reading %s: %w", to.Ref, err)
	}
	image := to.Ref.Context().Digest(digest.String())
	r.mu.Lock()
	read, ok := r.bills[image]
	if !ok {
		read = sync.OnceValues(func() (attest.Base, error) {
			attached, err := r.attached(ctx, image, sbom.TypeCycloneDX)
			if err != nil {
				return attest.Base{}, err
			}
			return base(to.Ref, to.Image, attached)
		})
		r.bills[image] = read
	}
	r.mu.Unlock()
	return read()
}

// attached reads artifacts of an image of a registry.
func (r *rebaser) attached(ctx context.Context, image name.Digest, artifactTypes ...string) ([]store.Artifact, error) {
	images, err := r.client.Attached(ctx, image, artifactTypes...)
	if err != nil {
		return nil, err
	}
	artifacts := make([]store.Artifact, len(images))
	for i := range images {
		if artifacts[i], err = store.ReadArtifact(images[i]); err != nil {
			return nil, fmt.Errorf("reading what is attached to %s: %w", image, err)
		}
	}
	return artifacts, nil
}

// afterRebase is what is attached to an image that was rebased: the bills of materials of what it is now, and that it
// was rebased. What it was built of is taken over from the provenance that it had.
func afterRebase(ref name.Reference, old v1.Hash, image v1.Image, on attest.Base, before []store.Artifact) ([]store.Artifact, error) {
	run, err := on.Image.Digest()
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", on.Ref, err)
	}
	dependencies := []attest.Resource{attest.ImageResource(imageRole, ref, old), attest.ImageResource(runRole, on.Ref, run)}
	for _, a := range before {
		if a.Type != attest.StatementType {
			continue
		}
		built, err := attest.ParseStatement(a.Content)
		if err != nil {
			return nil, fmt.Errorf("reading what is attached to %s: %w", ref, err)
		}
		for _, d := range built.BuildDefinition.ResolvedDependencies {
			if d.Name == sourceRole || d.Name == builderRole {
				dependencies = append(dependencies, d)
			}
		}
	}
	how := attest.NewProvenance(attest.RebaseType, map[string]any{"runImage": on.Ref.String()}, dependencies...)
	return artifacts(ref, image, on, how)
}
