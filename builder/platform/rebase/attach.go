package rebase

import (
	"fmt"

	"github.com/strata-buildpacks/strata/builder/platform/attest"
	"github.com/strata-buildpacks/strata/builder/platform/store"
)

// attached returns what is attached to the rebased image: the bills of materials of what it is now, and that it was
// rebased. If nothing was attached to the image before, nothing is attached now.
func (m move) attached(before []store.Artifact, on func() (attest.Base, error)) ([]store.Artifact, error) {
	if len(before) == 0 {
		return nil, nil
	}
	base, err := on()
	if err != nil {
		return nil, err
	}
	run, err := base.Image.Digest()
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", base.Ref, err)
	}
	how, err := attest.Rebase{
		Image: attest.Image{Ref: m.ref, Digest: m.old}, Run: attest.Image{Ref: base.Ref, Digest: run}, Attached: before,
		Runtimes: m.runtimes, Maker: m.maker,
	}.Provenance()
	if err != nil {
		return nil, err
	}
	return attest.App(m.ref, m.image, base, how)
}
