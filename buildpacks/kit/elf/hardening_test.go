package elf_test

import (
	debugelf "debug/elf"
	"encoding/binary"
	"slices"
	"strings"
	"testing"

	"github.com/strata-buildpacks/strata/buildpacks/kit/elf"
	"github.com/strata-buildpacks/strata/buildpacks/kit/elf/elftest"
)

// TestHardening changes the headers of a program one by one. Its segments are one to load, the loader's path, the dynamic table, whose
// first entries are two libraries, and the stack. A library has no loader's path.
func TestHardening(t *testing.T) {
	t.Parallel()
	const first, second, stack = 64, 64 + 56, 64 + 3*56 // segments
	plain := []byte(elftest.Program(debugelf.EM_X86_64, "/lib/ld.so", "libc.so.6", "libm.so.6"))
	table := len(plain) - 4*16
	put := func(at int, value uint32) func([]byte) {
		return func(b []byte) { binary.LittleEndian.PutUint32(b[at:], value) }
	}
	segment := func(at int, kind debugelf.ProgType, flags debugelf.ProgFlag) func([]byte) {
		return func(b []byte) { put(at, uint32(kind))(b); put(at+4, uint32(flags))(b) }
	}
	for name, test := range map[string]struct {
		change []func([]byte)
		want   elf.Hardening
		faults string
	}{
		"plain":   {nil, elf.Hardening{Kind: "PIE", RELRO: "none"}, ""},
		"stack":   {[]func([]byte){segment(stack, debugelf.PT_GNU_STACK, 7)}, elf.Hardening{Kind: "PIE", RELRO: "none"}, "executable stack"},
		"untold":  {[]func([]byte){segment(stack, debugelf.PT_NULL, 0)}, elf.Hardening{Kind: "PIE", RELRO: "none"}, ""},
		"library": {[]func([]byte){segment(second, debugelf.PT_NULL, 0)}, elf.Hardening{Kind: "library", RELRO: "none"}, ""},
		"untold of a library": {[]func([]byte){segment(second, debugelf.PT_NULL, 0), segment(stack, debugelf.PT_NULL, 0)},
			elf.Hardening{Kind: "library", RELRO: "none", Defects: elf.Defects{UntoldStack: true}}, ""},
		"untold of a library for arm64": {[]func([]byte){
			segment(second, debugelf.PT_NULL, 0), segment(stack, debugelf.PT_NULL, 0), func(b []byte) { b[18] = byte(debugelf.EM_AARCH64) },
		}, elf.Hardening{Kind: "library", RELRO: "none"}, ""},
		"RWX":     {[]func([]byte){segment(first, debugelf.PT_LOAD, 7)}, elf.Hardening{Kind: "PIE", RELRO: "none"}, "RWX segment"},
		"TEXTREL": {[]func([]byte){put(table, uint32(debugelf.DT_TEXTREL))}, elf.Hardening{Kind: "PIE", RELRO: "none"}, "TEXTREL"},
		"flag": {[]func([]byte){put(table, uint32(debugelf.DT_FLAGS)), put(table+8, uint32(debugelf.DF_TEXTREL))},
			elf.Hardening{Kind: "PIE", RELRO: "none"}, "TEXTREL"},
		"partial": {[]func([]byte){segment(second, debugelf.PT_GNU_RELRO, 4)}, elf.Hardening{Kind: "library", RELRO: "partial"}, ""},
		"full": {[]func([]byte){segment(second, debugelf.PT_GNU_RELRO, 4), put(table, uint32(debugelf.DT_BIND_NOW))},
			elf.Hardening{Kind: "library", RELRO: "full"}, ""},
		"full, by a flag": {[]func([]byte){
			segment(second, debugelf.PT_GNU_RELRO, 4), put(table, 0x6ffffffb), put(table+8, uint32(debugelf.DF_1_NOW|debugelf.DF_1_PIE)),
		}, elf.Hardening{Kind: "static PIE", RELRO: "full"}, ""},
		"program": {[]func([]byte){func(b []byte) { b[16] = byte(debugelf.ET_EXEC) }}, elf.Hardening{Kind: "program", RELRO: "none"}, ""},
		"names": {[]func([]byte){put(table, uint32(debugelf.DT_STRSZ)), put(table+8, 20)},
			elf.Hardening{Kind: "PIE", RELRO: "none", Canary: "no", Fortify: "no"}, ""},
	} {
		content := slices.Clone(plain)
		for _, change := range test.change {
			change(content)
		}
		got, loaded, err := elf.ReadHardening(strings.NewReader(string(content)))
		if test.want.Canary == "" {
			test.want.Canary, test.want.Fortify = "-", "-"
		}
		faults := strings.Join(got.Faults(), ", ")
		got.ExecStack, got.TextRel, got.WriteExec = false, false, false
		if err != nil || !loaded || got != test.want || faults != test.faults {
			t.Errorf("%s: %+v and %q, %t, %v; want %+v and %q", name, got, faults, loaded, err, test.want, test.faults)
		}
	}
	guarded := elftest.Program(debugelf.EM_X86_64, "/lib/ld.so", "libc.so.6", "__stack_chk_fail", "__memcpy_chk")
	b := []byte(guarded)
	put(len(b)-5*16, uint32(debugelf.DT_STRSZ))(b)
	put(len(b)-5*16+8, 60)(b)
	if got, _, err := elf.ReadHardening(strings.NewReader(string(b))); err != nil || got.Canary != "yes" || got.Fortify != "yes" {
		t.Errorf("with names of checks: %+v, %v", got, err)
	}
	if _, loaded, err := elf.ReadHardening(strings.NewReader("#!/bin/sh\n")); loaded || err != nil {
		t.Errorf("a script is loaded: %v", err)
	}
}
