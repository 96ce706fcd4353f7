package swap

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"path"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/strata-buildpacks/strata/builder/platform/store"
)

// maxBills is how many bytes the bills of materials of an image may have. Many images have them in memory at a time. One of 5,000 npm
// packages has 4 MiB.
const maxBills = 32 << 20

// withBills returns a layer with other files in the places of some of its own. Folders, modes and the order stay, as the lifecycle
// writes them. A folder of which a file is given has no others.
func withBills(old v1.Layer, bills map[string][]byte) (v1.Layer, error) {
	content, err := old.Uncompressed()
	if err != nil {
		return nil, err
	}
	defer content.Close()
	var written bytes.Buffer
	packed := store.Gzip(&written) // as an export does
	if err := errors.Join(copyBills(packed, content, bills), packed.Close()); err != nil {
		return nil, err
	}
	return tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(written.Bytes())), nil },
		tarball.WithMediaType(types.OCILayer))
}

func copyBills(w io.Writer, content io.Reader, bills map[string][]byte) error {
	limited := &io.LimitedReader{R: content, N: maxBills}
	in, out := tar.NewReader(limited), tar.NewWriter(w)
	left := maps.Clone(bills)
	folders := map[string]bool{}
	for name := range bills {
		folders[path.Dir(name)] = true
	}
	for {
		header, err := in.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		var file io.Reader = in
		if bill, given := left[header.Name]; given {
			delete(left, header.Name)
			header.Size, file = int64(len(bill)), bytes.NewReader(bill)
		} else if folders[path.Dir(header.Name)] {
			return fmt.Errorf("there is %s, which the new runtime does not have", header.Name)
		}
		if err := out.WriteHeader(header); err != nil {
			return err
		}
		if _, err := io.Copy(out, file); err != nil {
			return err
		}
	}
	if limited.N <= 0 {
		return fmt.Errorf("they have more than %d MiB", maxBills>>20)
	}
	for _, name := range slices.Sorted(maps.Keys(left)) {
		return fmt.Errorf("there is no %s, which the new runtime has", name)
	}
	return out.Close()
}
