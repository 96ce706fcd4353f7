// Package classtest writes class files for tests.
package classtest

import (
	"encoding/binary"
	"math"
)

// Class returns a class file of a major version, without fields and methods, whose constant pool names further classes as they are given.
func Class(name string, version int, classes ...string) []byte {
	be := binary.BigEndian
	data := []byte{0xca, 0xfe, 0xba, 0xbe, 0, 0}
	data = be.AppendUint16(data, uint16(version))
	all := append([]string{name, "java/lang/Object"}, classes...)
	all = all[:min(len(all), math.MaxUint16/2)]
	data = be.AppendUint16(data, uint16(1+2*len(all)))
	for i, one := range all {
		one = one[:min(len(one), math.MaxUint16)]
		data = append(data, 7)
		data = be.AppendUint16(data, uint16(2*i+2))
		data = append(data, 1)
		data = be.AppendUint16(data, uint16(len(one)))
		data = append(data, one...)
	}
	data = be.AppendUint16(data, 0x21) // public, and super
	data = be.AppendUint16(data, 1)
	data = be.AppendUint16(data, 3)
	return append(data, 0, 0, 0, 0, 0, 0, 0, 0) // no interfaces, fields, methods and attributes
}
