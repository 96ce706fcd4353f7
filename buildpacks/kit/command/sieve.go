package command

import (
	"bytes"
	"io"
)

// sieve passes on whole lines, except those that are skipped. It is called by one writer at a time.
type sieve struct {
	skip func(line string) bool
	rest io.Writer
	line []byte // of which the end has not come, at most tailBytes
}

func (s *sieve) Write(p []byte) (int, error) {
	for rest := p; len(rest) > 0; {
		part, after, ended := bytes.Cut(rest, []byte("\n"))
		s.line, rest = append(s.line, part...), after
		if !ended && len(s.line) < tailBytes {
			break
		}
		if err := s.pass(); err != nil {
			return 0, err
		}
	}
	return len(p), nil
}

// Close passes on a line that has no end.
func (s *sieve) Close() error {
	if len(s.line) == 0 {
		return nil
	}
	return s.pass()
}

func (s *sieve) pass() error {
	line := append(bytes.TrimSuffix(s.line, []byte("\r")), '\n')
	s.line = nil
	if s.skip(string(line[:len(line)-1])) {
		return nil
	}
	_, err := s.rest.Write(line)
	return err
}
