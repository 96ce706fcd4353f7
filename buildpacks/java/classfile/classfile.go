// Package classfile reads of Java's class files what tells where they run: their version, and what their constant pools name.
package classfile

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
)

// Class is what a class file (JVMS, chapter 4) says of itself.
type Class struct {
	Version int      // major version: 52 is Java 8, 61 is Java 17
	Name    string   // with slashes: "com/example/Main"
	Super   string   // the class that it extends, "" for none
	Access  uint16   // access_flags
	Classes []string // what the constant pool names as classes, without the brackets of arrays, in the file's order
	Texts   []string // all of the constant pool's texts: names, descriptors, signatures and strings, as they are in the file
}

// Module is the access flag of a module-info.
const Module = 0x8000

// Java returns the oldest release of Java that loads the class file: 17 for version 61. Versions before 49 are of 1.4 and older.
func (c Class) Java() int { return Java(c.Version) }

// Java returns the oldest release of Java that loads class files of a major version.
func Java(version int) int { return max(version-44, 1) }

// headerSize is the length in bytes of what stands before the constant pool: magic number, versions and count.
const headerSize = 10

// magic begins each class file.
const magic = 0xCAFEBABE

// errNot is the error of what is no class file.
var errNot = errors.New("it is no class file")

// Version reads the major version of a class file from its first 8 bytes, or more of them.
func Version(begin []byte) (int, error) {
	if len(begin) < 8 || binary.BigEndian.Uint32(begin) != magic {
		return 0, errNot
	}
	return int(binary.BigEndian.Uint16(begin[6:])), nil
}

// The tags of constants (JVMS, table 4.4-A), and the length in bytes of what follows them. That of a text is its own.
var sizes = [21]int{3: 4, 4: 4, 5: 8, 6: 8, 7: 2, 8: 2, 9: 4, 10: 4, 11: 4, 12: 4, 15: 3, 16: 2, 17: 4, 18: 4, 19: 2, 20: 2}

const (
	tagText   = 1
	tagLong   = 5
	tagDouble = 6
	tagClass  = 7
)

// pool is a constant pool: texts by their index, and the indexes of the texts that name classes, by those of the classes.
type pool struct {
	texts   []string
	isText  []bool
	classes []uint16
}

// Read reads a class file up to its superclass. What comes then, and whether a JVM would accept it, is not looked at.
func Read(data []byte) (Class, error) {
	version, err := Version(data)
	if err != nil {
		return Class{}, err
	}
	if len(data) < headerSize {
		return Class{}, errEnd("its header")
	}
	p, rest, err := readPool(data[headerSize:], int(binary.BigEndian.Uint16(data[8:])))
	if err != nil {
		return Class{}, err
	}
	if len(rest) < 6 {
		return Class{}, errEnd("its name")
	}
	c := Class{Version: version, Access: binary.BigEndian.Uint16(rest)}
	if c.Name, err = p.class(binary.BigEndian.Uint16(rest[2:])); err != nil {
		return Class{}, err
	}
	if super := binary.BigEndian.Uint16(rest[4:]); super != 0 { // only java.lang.Object and module-info have none
		if c.Super, err = p.class(super); err != nil {
			return Class{}, err
		}
	}
	for i, text := range p.texts {
		if p.isText[i] {
			c.Texts = append(c.Texts, text)
		}
	}
	for at := range p.classes {
		if p.classes[at] == 0 {
			continue
		}
		name, err := p.class(uint16(at))
		if err != nil {
			return Class{}, err
		}
		if name = element(name); name != "" {
			c.Classes = append(c.Classes, name)
		}
	}
	return c, nil
}

// readPool reads a constant pool of count-1 entries, and returns what comes after it.
func readPool(data []byte, count int) (pool, []byte, error) {
	p := pool{make([]string, count), make([]bool, count), make([]uint16, count)}
	for i := 1; i < count; i++ {
		if len(data) < 3 { // no entry is shorter
			return p, nil, errEnd("its constant pool")
		}
		tag, size := data[0], 0
		if int(tag) < len(sizes) {
			size = sizes[tag]
		}
		if tag == tagText {
			size = 2 + int(binary.BigEndian.Uint16(data[1:]))
		}
		if size == 0 {
			return p, nil, fmt.Errorf("its constant %d is of the unknown kind %d", i, tag)
		}
		if len(data) < 1+size {
			return p, nil, errEnd("its constant pool")
		}
		switch tag {
		case tagText:
			p.texts[i], p.isText[i] = string(data[3:1+size]), true
		case tagClass:
			p.classes[i] = binary.BigEndian.Uint16(data[1:])
		case tagLong, tagDouble:
			i++ // they take two indexes
		}
		data = data[1+size:]
	}
	return p, data, nil
}

// class returns the name of the class at an index.
func (p pool) class(at uint16) (string, error) {
	if int(at) >= len(p.classes) || p.classes[at] == 0 {
		return "", fmt.Errorf("its constant %d is no class", at)
	}
	name := p.classes[at]
	if int(name) >= len(p.texts) || !p.isText[name] {
		return "", fmt.Errorf("its constant %d is no name of a class", name)
	}
	return p.texts[name], nil
}

// element returns the class that the elements of an array are of, "" for numbers: "[[Ljava/lang/String;" is one of java/lang/String.
func element(name string) string {
	inner := strings.TrimLeft(name, "[")
	if inner == name {
		return name
	}
	if inner, found := strings.CutPrefix(inner, "L"); found {
		return strings.TrimSuffix(inner, ";")
	}
	return ""
}

func errEnd(where string) error { return fmt.Errorf("it ends within %s", where) }
