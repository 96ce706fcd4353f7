// Package fault holds the errors that a person can cause and repair.
//
// Every other error is a defect of ours or of the machine, and Explain says so.
package fault

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
)

// Exit codes of a program that ends with an error.
const (
	CodeFault       = 1   // the user can repair it
	CodeInternal    = 2   // a defect of ours
	CodeInterrupted = 130 // stopped by a signal, as a shell reports SIGINT
)

// Fault is an error that a person can cause. ID is stable and names the kind of fault ("go-version-unknown"), What
// names the file or variable and what is wrong with it, Do is the next step, and Err is the cause, if there is one.
type Fault struct {
	ID   string
	What string
	Do   string
	Err  error
}

// Error returns one line, "what: cause; do", without the parts that are empty.
func (f Fault) Error() string {
	line := f.What
	if f.Err != nil {
		line += ": " + oneLine(f.Err.Error())
	}
	if f.Do != "" {
		line += "; " + f.Do
	}
	return line
}

// Unwrap returns the cause, which may be nil.
func (f Fault) Unwrap() error { return f.Err }

// Explain returns the one line that a person reads when err ends the program. It marks an error that is no Fault as
// internal, except those that the machine causes and whose remedy is known.
func Explain(err error) string {
	line := oneLine(err.Error())
	switch {
	case errors.Is(err, context.Canceled): // first, because what was interrupted often fails in its own way
		return "interrupted"
	case errors.As(err, new(Fault)):
		return line
	case Full(err):
		return oneLine(DiskFull(err).Error())
	}
	return "internal error: " + strings.TrimPrefix(line, "internal error: ")
}

// Code returns the exit code of a program that err ends.
func Code(err error) int {
	switch {
	case err == nil:
		return 0
	case errors.Is(err, context.Canceled):
		return CodeInterrupted
	case errors.As(err, new(Fault)), Full(err):
		return CodeFault
	}
	return CodeInternal
}

// Internal returns the error of a state that no input should lead to.
func Internal(format string, args ...any) error {
	return fmt.Errorf("internal error: "+format, args...)
}

// WithoutPath returns the cause of an error of a file without the file's path, for a fault that names it.
func WithoutPath(err error) error {
	if file, ok := errors.AsType[*fs.PathError](err); ok {
		return file.Err
	}
	return err
}

// oneLine folds the lines of s, because errors of libraries may have several.
func oneLine(s string) string {
	lines := strings.FieldsFunc(s, func(r rune) bool { return r == '\n' || r == '\r' })
	kept := lines[:0]
	for _, line := range lines {
		if line = strings.TrimSpace(line); line != "" {
			kept = append(kept, line)
		}
	}
	return strings.Join(kept, ": ")
}
