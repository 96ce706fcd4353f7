package store

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestGzip compresses three blocks of words. Another version of a library may write other bytes, of this text or of another one.
func TestGzip(t *testing.T) {
	t.Parallel()
	source := rand.New(rand.NewPCG(1, 2))
	var content, packed bytes.Buffer
	for content.Len() < 5<<19 {
		content.WriteString(strings.Repeat(string(rune('a'+source.IntN(26))), 1+source.IntN(9)) + " ")
	}
	w := Gzip(&packed)
	for rest := content.Bytes(); len(rest) > 0; { // in pieces, as a tar archive comes
		n := min(len(rest), 1+source.IntN(1<<16))
		if _, err := w.Write(rest[:n]); err != nil {
			t.Fatal(err)
		}
		rest = rest[n:]
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	const want = "872067df9f8efaea83c1f010d5ff512fd3daff6c2ec058a9d6f7a17266e2b926"
	if sum := sha256.Sum256(packed.Bytes()); hex.EncodeToString(sum[:]) != want {
		t.Errorf("%d bytes with the digest %x, want %s", packed.Len(), sum, want)
	}
	module, err := os.ReadFile("../../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	versions := regexp.MustCompile(`klauspost/(pgzip|compress) (v\S+)`).FindAllSubmatch(module, -1)
	if len(versions) != 2 {
		t.Fatalf("go.mod has %q", versions)
	}
	for _, found := range versions {
		if name := fmt.Sprintf("%s-%s", found[1], found[2]); !strings.Contains(gzipVersion, name) {
			t.Errorf("gzipVersion is %s, go.mod has %s", gzipVersion, name)
		}
	}
}
