package project

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

// Limits of a file in XML. The largest poms that are published have 300 kB, 10,000 elements, and elements 12 deep.
const (
	maxXML      = 4 << 20
	maxElements = 100_000
	maxDepth    = 100
	maxText     = 64 << 10 // bytes of an element
)

// element is an element of XML: its name without a prefix, the text in it, and the elements in it.
type element struct {
	name  string
	text  string
	inner []*element
}

// parse reads the outermost element of a file. It is as tolerant as can be: Maven says itself what it does not take. No entity is read of a
// file or expanded, and what a file declares of its own counts for nothing.
func parse(name string, data []byte) (*element, error) {
	wrong := func(err error) error {
		return fault.Fault{ID: "java-xml", What: name + " is no XML that can be read", Err: err, Do: "correct the file"}
	}
	if len(data) > maxXML {
		return nil, wrong(fmt.Errorf("it has more than %d MB", maxXML>>20))
	}
	d := xml.NewDecoder(bytes.NewReader(bytes.TrimPrefix(data, []byte("\ufeff"))))
	d.Strict, d.CharsetReader = false, charset
	root := &element{}
	open := []*element{root}
	var text []byte // of the innermost element
	for count := 0; ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, wrong(err)
		}
		last := open[len(open)-1]
		switch t := token.(type) {
		case xml.StartElement:
			e := &element{name: t.Name.Local}
			last.inner, text = append(last.inner, e), nil // text before an element is white space
			if count++; count > maxElements {
				return nil, wrong(fmt.Errorf("it has more than %d elements", maxElements))
			}
			if open = append(open, e); len(open) > maxDepth {
				return nil, wrong(fmt.Errorf("line %d: more than %d elements are in each other", line(d), maxDepth))
			}
		case xml.EndElement:
			if len(last.inner) == 0 {
				last.text = string(bytes.TrimSpace(text))
			}
			if text = nil; len(open) > 1 {
				open = open[:len(open)-1]
			}
		case xml.CharData:
			text = append(text, t[:min(len(t), max(maxText-len(text), 0))]...)
		}
	}
	if len(root.inner) == 0 {
		return nil, wrong(errors.New("it has no element"))
	}
	return root.inner[0], nil
}

func line(d *xml.Decoder) int {
	line, _ := d.InputPos()
	return line
}

// charset reads what poms are written in besides UTF-8. Bytes of other encodings become other letters, which no name of Maven's has.
func charset(_ string, in io.Reader) (io.Reader, error) {
	data, err := io.ReadAll(in)
	if err != nil {
		return nil, err
	}
	runes := make([]rune, len(data))
	for i, b := range data {
		runes[i] = rune(b)
	}
	return strings.NewReader(string(runes)), nil
}

// at returns the first element at a path of names, an empty one if there is none.
func (e *element) at(path ...string) *element {
	for _, name := range path {
		next := &element{}
		for _, one := range e.inner {
			if one.name == name {
				next = one
				break
			}
		}
		e = next
	}
	return e
}

// all returns the elements of a name in the element at a path.
func (e *element) all(path ...string) (found []*element) {
	last := len(path) - 1
	for _, one := range e.at(path[:last]...).inner {
		if one.name == path[last] {
			found = append(found, one)
		}
	}
	return found
}
