package run

import (
	"io"
	"os"
	"os/signal"

	"golang.org/x/sys/unix"
	"golang.org/x/term"
)

// attach connects a terminal where somebody sits with the one of a process, until the process has ended. Keys like Ctrl-C
// then mean what the process's terminal makes of them.
func attach(outside, inside *os.File) {
	if state, err := term.MakeRaw(int(outside.Fd())); err == nil {
		defer func() { _ = term.Restore(int(outside.Fd()), state) }() // nobody is left to tell
	}
	resized := make(chan os.Signal, 1)
	signal.Notify(resized, unix.SIGWINCH)
	defer signal.Stop(resized)
	resized <- unix.SIGWINCH // its first size
	ended := make(chan struct{})
	defer close(ended)
	go func() {
		for {
			select {
			case <-ended:
				return
			case <-resized:
				if size, err := unix.IoctlGetWinsize(int(outside.Fd()), unix.TIOCGWINSZ); err == nil {
					_ = unix.IoctlSetWinsize(int(inside.Fd()), unix.TIOCSWINSZ, size) // a terminal without a size works too
				}
			}
		}
	}()
	go func() { _, _ = io.Copy(inside, outside) }() // whoever sits there goes on typing when the process has ended
	_, _ = io.Copy(outside, inside)                 // it ends with an error when the last process has closed its side
}
