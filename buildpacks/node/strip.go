package node

import (
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"os"
)

// strip copies a program without its section table, symbols and debugging information, none of which is loaded: of
// Node.js 24 they are 18 of 127 MB. What addons are linked against is in a segment and stays. A program that has
// anything to load behind them is copied as it is.
func strip(to, from string) error {
	program, err := elf.Open(from)
	if err != nil {
		return fmt.Errorf("reading %s: %w", from, err)
	}
	defer func() { _ = program.Close() }() // only read
	end, loaded := uint64(0), uint64(0)
	for _, section := range program.Sections {
		if section.Type != elf.SHT_NULL && section.Flags&elf.SHF_ALLOC == 0 && (end == 0 || section.Offset < end) {
			end = section.Offset
		}
	}
	for _, segment := range program.Progs {
		loaded = max(loaded, segment.Off+segment.Filesz)
	}
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o755)
	if err != nil {
		return err
	}
	if program.Class != elf.ELFCLASS64 || end < loaded {
		_, err := io.Copy(out, in)
		return errors.Join(err, out.Close())
	}
	_, err = io.CopyN(out, in, int64(end))
	// e_shoff; e_shnum and e_shstrndx
	for at, size := range map[int64]int{0x28: 8, 0x3c: 4} {
		_, zeroErr := out.WriteAt(make([]byte, size), at)
		err = errors.Join(err, zeroErr)
	}
	return errors.Join(err, out.Close())
}
