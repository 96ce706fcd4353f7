package sandbox

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"

	"golang.org/x/sys/unix"
)

// handed is what the first process hands to the parent.
type handed struct {
	listeners []net.Listener // to serve
	terminal  *os.File       // the other side of the command's terminal
	link      *os.File       // the other side of its network device
	refused   *os.File       // where the kernel tells of system calls
}

// converse takes the answers of the first process, which has its configuration: open files, then the text of an error, or
// nothing when the process became the command.
func converse(channel *os.File) (got handed, err error) {
	conn, err := net.FileConn(channel)
	if err != nil {
		return got, fmt.Errorf("opening the channel to the sandbox: %w", err)
	}
	defer conn.Close()
	for {
		message, rights := make([]byte, 4096), make([]byte, unix.CmsgSpace(4))
		n, rn, _, _, err := conn.(*net.UnixConn).ReadMsgUnix(message, rights)
		switch {
		case errors.Is(err, unix.ECONNRESET): // it has ended without reading that it is limited, and what it said comes next
		case errors.Is(err, io.EOF) || err == nil && n == 0:
			return got, nil
		case err != nil:
			return got, fmt.Errorf("hearing from the sandbox: %w", err)
		case rn > 0:
			if err := got.receive(message[0], rights[:rn]); err != nil {
				return got, fmt.Errorf("hearing from the sandbox: %w", err)
			}
		default:
			return got, setupFault(string(message[:n]))
		}
	}
}

func (h *handed) receive(what byte, rights []byte) error {
	file, err := fileOf(rights, "sandbox")
	if err != nil {
		return err
	}
	switch what {
	case terminalMessage:
		h.terminal = file
		return nil
	case linkMessage:
		h.link = file
		return nil
	case refusedMessage:
		h.refused = file
		return nil
	}
	defer file.Close()
	listener, err := net.FileListener(file)
	if err != nil {
		return err
	}
	h.listeners = append(h.listeners, listener)
	return nil
}

// fileOf returns the open file that came with a message.
func fileOf(rights []byte, name string) (*os.File, error) {
	messages, err := unix.ParseSocketControlMessage(rights)
	if err != nil {
		return nil, err
	}
	if len(messages) == 0 {
		return nil, io.ErrUnexpectedEOF
	}
	fds, err := unix.ParseUnixRights(&messages[0])
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fds[0]), name), nil
}

func socketPair() (outside, inside *os.File, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("making a channel to the sandbox: %w", err)
	}
	return os.NewFile(uintptr(fds[0]), "sandbox"), os.NewFile(uintptr(fds[1]), "sandbox"), nil
}
