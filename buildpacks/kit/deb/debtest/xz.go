package debtest

import (
	"encoding/binary"
	"hash/crc32"
)

// le is the byte order of the .xz format.
var le = binary.LittleEndian

// stored returns b as an xz file of one block, with a dictionary of 64 KiB and chunks that are not compressed (The .xz File
// Format 1.2.1; for chunks of LZMA2, lzma_encoder.c of XZ Utils).
func stored(b []byte) []byte {
	flags := []byte{0, 1} // the check is a CRC32
	file := append([]byte("\xfd7zXZ\x00"), flags...)
	file = le.AppendUint32(file, crc32.ChecksumIEEE(flags))

	header := []byte{2, 0, 0x21, 1, 8, 0, 0, 0} // of 12 bytes: one filter, LZMA2, with one byte of properties
	block := le.AppendUint32(header, crc32.ChecksumIEEE(header))
	control := byte(1) // the first chunk resets the dictionary
	for rest := b; len(rest) > 0; control = 2 {
		n := min(len(rest), 1<<16)
		block = append(binary.BigEndian.AppendUint16(append(block, control), uint16(n-1)), rest[:n]...)
		rest = rest[n:]
	}
	block = append(block, 0)
	unpadded := len(block) + crc32.Size
	file = le.AppendUint32(append(file, padded(block)...), crc32.ChecksumIEEE(b))

	index := binary.AppendUvarint(binary.AppendUvarint([]byte{0, 1}, uint64(unpadded)), uint64(len(b)))
	index = padded(index)
	file = le.AppendUint32(append(file, index...), crc32.ChecksumIEEE(index))

	footer := append(le.AppendUint32(nil, uint32(len(index)/4)), flags...)
	file = le.AppendUint32(file, crc32.ChecksumIEEE(footer))
	return append(append(file, footer...), "YZ"...)
}

// padded returns b with zeros up to a multiple of four.
func padded(b []byte) []byte { return append(b, make([]byte, -len(b)&3)...) }
