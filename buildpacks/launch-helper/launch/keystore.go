package main

import (
	"encoding/pem"
	"strconv"
)

// Object identifiers of RFC 7292 and, for what a certificate is trusted for, of Java, with their tags and lengths.
const (
	oidData         = "\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01"
	oidCertBag      = "\x06\x0b\x2a\x86\x48\x86\xf7\x0d\x01\x0c\x0a\x01\x03"
	oidX509         = "\x06\x0a\x2a\x86\x48\x86\xf7\x0d\x01\x09\x16\x01"
	oidFriendlyName = "\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x09\x14"
	oidTrustedFor   = "\x06\x0c\x60\x86\x48\x01\x86\xf9\x66\xad\xca\x7b\x01\x01"
	oidAnyUse       = "\x06\x04\x55\x1d\x25\x00"
)

// Tags of DER.
const (
	tagOctets, tagBMPString, tagSequence, tagSet, tagExplicit = 0x04, 0x1e, 0x30, 0x31, 0xa0
)

// keyStore returns a key store of Java that trusts the certificates of a PEM file: PKCS #12 (RFC 7292) without a password, which Java reads
// with any and with none. It is the same for the same file.
func keyStore(text []byte) ([]byte, error) {
	var bags []byte
	count := 0
	for {
		var block *pem.Block
		if block, text = pem.Decode(text); block == nil {
			break
		}
		if block.Type != "CERTIFICATE" {
			return nil, errNotPEM
		}
		var name []byte
		for _, letter := range []byte("authority-" + strconv.Itoa(count)) {
			name = append(name, 0, letter)
		}
		certificate := der(tagSequence, []byte(oidX509), der(tagExplicit, der(tagOctets, block.Bytes)))
		attributes := der(tagSet,
			der(tagSequence, []byte(oidFriendlyName), der(tagSet, der(tagBMPString, name))),
			der(tagSequence, []byte(oidTrustedFor), der(tagSet, []byte(oidAnyUse))))
		bags = append(bags, der(tagSequence, []byte(oidCertBag), der(tagExplicit, certificate), attributes)...)
		count++
	}
	if count == 0 {
		return nil, errNotPEM
	}
	safe := der(tagSequence, content(der(tagSequence, bags)))
	return der(tagSequence, []byte{0x02, 0x01, 0x03}, content(safe)), nil
}

// content returns a ContentInfo of data.
func content(data []byte) []byte {
	return der(tagSequence, []byte(oidData), der(tagExplicit, der(tagOctets, data)))
}

// der returns a value with its tag and its length.
func der(tag byte, parts ...[]byte) []byte {
	length := 0
	for _, part := range parts {
		length += len(part)
	}
	out := []byte{tag}
	if length < 0x80 {
		out = append(out, byte(length))
	} else {
		var bytes []byte
		for n := length; n > 0; n >>= 8 {
			bytes = append([]byte{byte(n)}, bytes...)
		}
		out = append(append(out, 0x80|byte(len(bytes))), bytes...)
	}
	for _, part := range parts {
		out = append(out, part...)
	}
	return out
}
