// Package truststore reads certificates in PEM and writes them as a Java key store.
package truststore

import (
	"bytes"
	"crypto/sha1" //nolint:gosec // the format's own checksum; it protects nothing
	"crypto/sha256"
	"crypto/x509"
	"encoding/binary"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"time"
	"unicode/utf16"
)

// password is the password of every trust store that comes with Java. The store holds nothing secret.
const password = "changeit"

// Parse returns the certificates of a PEM file, in their order. It skips text between them, and refuses anything else in PEM.
func Parse(text []byte) ([]*x509.Certificate, error) {
	var out []*x509.Certificate
	for {
		block, rest := pem.Decode(text)
		if block == nil {
			break
		}
		if text = rest; block.Type != "CERTIFICATE" {
			return nil, fmt.Errorf("it holds a %s", block.Type)
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	if len(out) == 0 {
		return nil, errors.New("it holds no certificate in PEM")
	}
	return out, nil
}

// JKS returns a Java key store (format version 2, which every Java reads) that trusts some certificates, each with the time made.
// A certificate's alias is its SHA-256. Of equal ones the store has one.
func JKS(certificates []*x509.Certificate, made time.Time) []byte {
	var entries bytes.Buffer
	seen := map[string]bool{}
	for _, c := range certificates {
		sum := sha256.Sum256(c.Raw)
		alias := hex.EncodeToString(sum[:])
		if seen[alias] {
			continue
		}
		seen[alias] = true
		entries.Write([]byte{0, 0, 0, 2}) // a trusted certificate
		text(&entries, alias)
		entries.Write(binary.BigEndian.AppendUint64(nil, uint64(made.UnixMilli())))
		text(&entries, "X.509")
		entries.Write(binary.BigEndian.AppendUint32(nil, uint32(len(c.Raw))))
		entries.Write(c.Raw)
	}
	var store bytes.Buffer
	for _, v := range []uint32{0xfeedfeed, 2, uint32(len(seen))} {
		store.Write(binary.BigEndian.AppendUint32(nil, v))
	}
	store.Write(entries.Bytes())
	h := sha1.New() //nolint:gosec // see above
	for _, unit := range utf16.Encode([]rune(password)) {
		h.Write(binary.BigEndian.AppendUint16(nil, unit))
	}
	h.Write([]byte("Mighty Aphrodite")) // a constant of the format
	h.Write(store.Bytes())
	return h.Sum(store.Bytes())
}

// text writes an ASCII string as Java's DataOutput.writeUTF does.
func text(b *bytes.Buffer, s string) {
	b.Write(binary.BigEndian.AppendUint16(nil, uint16(len(s))))
	b.WriteString(s)
}
