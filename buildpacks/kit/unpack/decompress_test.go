package unpack_test

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"strings"
	"testing"

	"github.com/strata-buildpacks/strata/buildpacks/kit/unpack"
)

// highest is what xz -9 of XZ Utils makes of the text that TestDictionary expects. Its block has a header of 12 bytes
// behind the 12 of the file: the size of the dictionary in the fifth, and a CRC32 in the last four.
const highest = `/Td6WFoAAATm1rRGAgAhARwAAAAQz1jM4CtbAGVdADYaSh8IoCYDTQad7+2MoT/IOM9thS+aaJmfL/bA0qMCNuh6N3wj781CW4zWYwMF8FJ4nOAgfm3TUvNv
UKcp5hlomqbKpfyXoDFqa1JhLiFw0ZYTEPfmRXJTUOQ6GXKKWiMsTQAAAAAAAEFsn+gxduIQAAGBAdxWAAAzbmovscRn+wIAAAAABFla`

// TestDictionary reads what xz writes at its highest level, with 64 MiB of dictionary, and allocates no more than that.
func TestDictionary(t *testing.T) {
	t.Parallel()
	file, err := base64.StdEncoding.DecodeString(highest)
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	for i := range 300 {
		fmt.Fprintf(&text, "line %d of a text that repeats itself\n", i%7)
	}
	for size, want := range map[byte]string{28: text.String(), 29: "", 40: ""} { // 64 MiB, 96 MiB and 4 GiB
		header := file[12:24]
		header[4] = size
		binary.LittleEndian.PutUint32(header[8:], crc32.ChecksumIEEE(header[:8]))
		var got []byte
		r, err := unpack.Decompress(bytes.NewReader(file), ".xz")
		if err == nil {
			got, err = io.ReadAll(r)
		}
		if string(got) != want || (err == nil) != (want != "") {
			t.Errorf("size %d: %d bytes and %v, want %d bytes", size, len(got), err, len(want))
		}
	}
}
