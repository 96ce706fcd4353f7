// Package elf reads of programs and shared libraries what a loader reads, and takes away what no loader reads.
package elf

import (
	"bytes"
	"debug/elf"
	"fmt"
	"io"
	"os"
)

// File is what a program or a shared library asks of the machine that it is loaded on.
type File struct {
	Machine     elf.Machine
	Interpreter string   // the loader's path (PT_INTERP), "" for none
	Needed      []string // names of libraries (DT_NEEDED), in the file's order
	Folders     []string // where they are looked for first (DT_RUNPATH, or else DT_RPATH); $ORIGIN is the folder of the file
	Opened      []Opened // what its notes say that it opens by a name
	Converts    bool     // whether it calls iconv_open, which opens converters of character sets by their names
	Defects
}

// Read reads the headers of a file. It reports whether a loader would load the file: files of another format, object files and
// files with broken headers are not loaded, and are no error.
func Read(path string) (File, bool, error) {
	f, err := os.Open(path)
	if err != nil {
		return File{}, false, err
	}
	defer f.Close()
	file, loaded, err := ReadAt(f)
	if err != nil {
		err = fmt.Errorf("reading %s: %w", path, err)
	}
	return file, loaded, err
}

// ReadAt is Read for what has been opened.
func ReadAt(r io.ReaderAt) (File, bool, error) {
	magic := make([]byte, len(elf.ELFMAG))
	if _, err := r.ReadAt(magic, 0); err != nil || string(magic) != elf.ELFMAG {
		return File{}, false, nil
	}
	headers, err := elf.NewFile(segmentsOnly{r})
	if err != nil || headers.Type != elf.ET_EXEC && headers.Type != elf.ET_DYN {
		return File{}, false, nil
	}
	file := File{Machine: headers.Machine}
	for _, segment := range headers.Progs {
		if segment.Type == elf.PT_INTERP {
			text, err := io.ReadAll(io.LimitReader(segment.Open(), 4096))
			if err != nil {
				return File{}, false, fmt.Errorf("its interpreter: %w", err)
			}
			text, _, _ = bytes.Cut(text, []byte{0}) // as the kernel reads it
			file.Interpreter = string(text)
		}
	}
	entries, err := table(headers)
	if err == nil {
		file.Needed, file.Folders, err = dynamic(headers, entries)
	}
	if err != nil {
		return File{}, false, fmt.Errorf("its libraries: %w", err)
	}
	file.Opened, file.Converts = opened(headers), convertsText(headers, entries)
	file.Defects = defects(headers, entries)
	return file, true, nil
}
