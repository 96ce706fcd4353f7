package classfile_test

import (
	"encoding/binary"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/strata-buildpacks/strata/buildpacks/java/classfile"
	"github.com/strata-buildpacks/strata/buildpacks/java/classfile/classtest"
)

func TestRead(t *testing.T) {
	t.Parallel()
	data := classtest.Class("com/example/Main", 61, "java/sql/Driver", "[[Ljavax/naming/Context;", "[J")
	c, err := classfile.Read(data)
	if err != nil {
		t.Fatal(err)
	}
	if c.Version != 61 || c.Java() != 17 || c.Name != "com/example/Main" || c.Super != "java/lang/Object" {
		t.Errorf("got %+v", c)
	}
	want := []string{"com/example/Main", "java/lang/Object", "java/sql/Driver", "javax/naming/Context"}
	if diff := cmp.Diff(want, c.Classes); diff != "" {
		t.Errorf("classes (-want +got):\n%s", diff)
	}
	if !slices.Contains(c.Texts, "[J") {
		t.Errorf("texts: %q", c.Texts)
	}
	for n := range data[:len(data)-8] { // what comes after the superclass is not read
		if _, err := classfile.Read(data[:n]); err == nil {
			t.Errorf("the first %d of %d bytes are read", n, len(data))
		}
	}
}

// TestDamaged reads what no compiler writes.
func TestDamaged(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change func([]byte) []byte
		want   string
	}{
		"nothing":       {func([]byte) []byte { return nil }, "it is no class file"},
		"a script":      {func([]byte) []byte { return []byte("#!/bin/sh\nexit\n") }, "it is no class file"},
		"no constants":  {func(b []byte) []byte { b[8], b[9] = 0, 0; return b }, "its constant"},
		"all constants": {func(b []byte) []byte { b[8], b[9] = 255, 255; return b }, "its constant"},
		"unknown kind":  {func(b []byte) []byte { b[10] = 2; return b }, "its constant 1 is of the unknown kind 2"},
		"far name": {
			func(b []byte) []byte { binary.BigEndian.PutUint16(b[11:], 60000); return b }, "its constant 60000 is no name of a class",
		},
		"a name is class": {func(b []byte) []byte { binary.BigEndian.PutUint16(b[11:], 1); return b }, "its constant 1 is no name of a class"},
	} {
		_, err := classfile.Read(test.change(classtest.Class("A", 52)))
		if err == nil || !strings.HasPrefix(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}
}

func TestJava(t *testing.T) {
	t.Parallel()
	for version, want := range map[int]int{45: 1, 49: 5, 52: 8, 55: 11, 61: 17, 69: 25, 0: 1} {
		if got := classfile.Java(version); got != want {
			t.Errorf("version %d: Java %d, want %d", version, got, want)
		}
	}
}

func TestMentions(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]string{
		"java/util/List":                      {"java/util/List"},
		"(ILjava/util/List<TT;>;[[Ljava/A;)V": {"ILjava/util/List", "java/util/List", "Ljava/A", "java/A"},
		"javax.naming.spi":                    {"javax/naming/spi"},
		"no driver: java.sql.Driver!":         {"java/sql/Driver"},
		"toString":                            nil,
		"":                                    nil,
		"JDLx/Y;":                             {"JDLx/Y", "x/Y"},
		"ALx/Y;":                              {"ALx/Y"},
	} {
		var got []string
		classfile.Mentions(text, func(name string) { got = append(got, name) })
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q (-want +got):\n%s", text, diff)
		}
	}
}

// FuzzRead reads class files: what is read is written and read again the same.
func FuzzRead(f *testing.F) {
	f.Add(classtest.Class("com/example/Main", 61, "java/sql/Driver", "[J"))
	f.Add(classtest.Class("module-info", 53))
	f.Add([]byte("\xca\xfe\xba\xbe\x00\x00\x00\x34\x00\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := classfile.Read(data)
		if err != nil {
			return
		}
		for _, name := range c.Classes {
			if strings.HasPrefix(name, "[") {
				t.Errorf("an array is a class: %q", name)
			}
		}
		for _, text := range c.Texts {
			classfile.Mentions(text, func(name string) {
				if strings.ContainsAny(name, ".;") || !strings.Contains(strings.ReplaceAll(text, ".", "/"), name) {
					t.Errorf("%q mentions %q", text, name)
				}
			})
		}
		if len(c.Name)+len(strings.Join(c.Classes, "")) > 2*len(data)*len(c.Classes) && len(c.Classes) > 1 {
			t.Errorf("%d classes of %d bytes", len(c.Classes), len(data))
		}
		again, err := classfile.Read(classtest.Class(c.Name, c.Version, c.Classes...))
		if err != nil {
			t.Fatalf("%+v is not read again: %v", c, err)
		}
		if strings.HasPrefix(c.Name, "[") {
			return
		}
		// The classes that every class names come first.
		if want := slices.Concat([]string{c.Name, "java/lang/Object"}, c.Classes); c.Name != "" && !slices.Equal(again.Classes, want) {
			t.Errorf("%q is read again as %q", want, again.Classes)
		}
	})
}
