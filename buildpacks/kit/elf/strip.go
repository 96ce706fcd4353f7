package elf

import (
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"os"
)

// Strip copies a program without its section table, symbols and debugging information, none of which is loaded: of Node.js 24
// they are 18 of 127 MB. What addons are linked against is in a segment and stays. A program that has anything to load behind
// them is copied as it is. The copy may be executed, and must not be there yet.
func Strip(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	program, err := elf.NewFile(in)
	if err != nil {
		return fmt.Errorf("reading %s: %w", from, err)
	}
	end, loaded := uint64(0), uint64(0)
	for _, section := range program.Sections {
		if section.Type != elf.SHT_NULL && section.Flags&elf.SHF_ALLOC == 0 && (end == 0 || section.Offset < end) {
			end = section.Offset
		}
	}
	for _, segment := range program.Progs {
		loaded = max(loaded, segment.Off+segment.Filesz)
	}
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o755)
	if err != nil {
		return err
	}
	if program.Class != elf.ELFCLASS64 || end < loaded {
		_, err := io.Copy(out, in)
		return errors.Join(err, out.Close())
	}
	_, err = io.CopyN(out, in, int64(end))
	for _, field := range sectionFields[elf.ELFCLASS64] {
		_, zeroErr := out.WriteAt(make([]byte, field[1]-field[0]), field[0])
		err = errors.Join(err, zeroErr)
	}
	return errors.Join(err, out.Close())
}
