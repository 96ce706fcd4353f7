package main

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// healthCheck asks the app that runs in the same container for a path and gives an error unless it answers with a
// status of 200 to 399, which Kubernetes takes for healthy too.
func healthCheck(env environment, out io.Writer) error {
	named := cmp.Or(env["THC_PORT"], env["PORT"], "8080")
	n, err := strconv.ParseUint(named, 10, 16)
	if err != nil || n == 0 {
		return fmt.Errorf("unhealthy: THC_PORT or PORT is %q, which is no port", named)
	}
	port := int(n)
	path := "/" + strings.TrimPrefix(env["THC_PATH"], "/")
	if strings.ContainsFunc(path, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
		return fmt.Errorf("unhealthy: THC_PATH is %q, which has signs that must be escaped", path)
	}
	connect, err := seconds(env, "THC_CONN_TIMEOUT", "10")
	if err != nil {
		return err
	}
	request, err := seconds(env, "THC_REQ_TIMEOUT", "15")
	if err != nil {
		return err
	}
	status, err := get(port, path, connect, request)
	if err == nil && (status < 200 || status > 399) {
		err = fmt.Errorf("status %d", status)
	}
	if err != nil {
		return fmt.Errorf("unhealthy: GET http://localhost:%d%s: %w", port, path, err)
	}
	_, err = fmt.Fprintf(out, "healthy: GET http://localhost:%d%s: status %d\n", port, path, status)
	return err
}

func seconds(env environment, name, fallback string) (time.Duration, error) {
	value := cmp.Or(env[name], fallback)
	n, err := strconv.ParseUint(value, 10, 16)
	if err != nil || n == 0 {
		return 0, fmt.Errorf("unhealthy: %s is %q, which is no number of seconds", name, value)
	}
	return time.Duration(n) * time.Second, nil
}

// get returns the status that the app answers with. Package net would add a quarter to the program, net/http would make
// it three times as large.
func get(port int, path string, connect, request time.Duration) (int, error) {
	deadline := time.Now().Add(request)
	socket, err := dial(port, min(connect, request))
	if err != nil {
		return 0, reason(err)
	}
	defer func() { _ = syscall.Close(socket) }() // what was answered is known
	question := fmt.Sprintf("GET %s HTTP/1.1\r\nHost: localhost:%d\r\nUser-Agent: health-check\r\nConnection: close\r\n\r\n", path, port)
	if _, err := syscall.Write(socket, []byte(question)); err != nil {
		return 0, reason(err)
	}
	var answer []byte
	for buffer := make([]byte, 512); len(answer) < 512 && !bytes.Contains(answer, []byte("\n")); {
		left := time.Until(deadline)
		if left <= 0 {
			return 0, reason(syscall.EAGAIN)
		}
		if err := limit(socket, syscall.SO_RCVTIMEO, left); err != nil {
			return 0, err
		}
		n, err := syscall.Read(socket, buffer)
		if err != nil && !errors.Is(err, syscall.EINTR) {
			return 0, reason(err)
		}
		if err == nil && n == 0 {
			break
		}
		answer = append(answer, buffer[:max(n, 0)]...)
	}
	return statusOf(answer)
}

// statusOf reads the first line of an answer.
func statusOf(answer []byte) (int, error) {
	line, _, _ := strings.Cut(string(answer), "\n")
	if strings.TrimSpace(line) == "" {
		return 0, errors.New("the connection was closed without an answer")
	}
	protocol, rest, _ := strings.Cut(line, " ")
	code, _, _ := strings.Cut(strings.TrimSpace(rest), " ")
	status, err := strconv.Atoi(code)
	if err != nil || !strings.HasPrefix(protocol, "HTTP/1.") {
		return 0, fmt.Errorf("the answer is not HTTP: %q", strings.TrimSpace(line))
	}
	return status, nil
}

// dial connects to the port of this machine, by IPv4 or else by IPv6.
func dial(port int, timeout time.Duration) (socket int, err error) {
	for _, to := range []syscall.Sockaddr{
		&syscall.SockaddrInet4{Port: port, Addr: [4]byte{127, 0, 0, 1}},
		&syscall.SockaddrInet6{Port: port, Addr: [16]byte{15: 1}},
	} {
		family := syscall.AF_INET
		if _, v6 := to.(*syscall.SockaddrInet6); v6 {
			family = syscall.AF_INET6
		}
		attempt, failed := connectTo(family, to, timeout)
		if failed == nil {
			return attempt, nil
		}
		if err == nil {
			err = failed // a machine without IPv6 has nothing to add
		}
	}
	return 0, err
}

func connectTo(family int, to syscall.Sockaddr, timeout time.Duration) (int, error) {
	socket, err := syscall.Socket(family, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, err
	}
	// The timeout of sending is the one of connecting too (socket(7)).
	if err = limit(socket, syscall.SO_SNDTIMEO, timeout); err == nil {
		err = syscall.Connect(socket, to)
	}
	if err != nil {
		return 0, errors.Join(err, syscall.Close(socket))
	}
	return socket, nil
}

func limit(socket, option int, timeout time.Duration) error {
	left := syscall.NsecToTimeval(timeout.Nanoseconds())
	return syscall.SetsockoptTimeval(socket, syscall.SOL_SOCKET, option, &left)
}

// reason says what the kernel means when a timeout is over.
func reason(err error) error {
	if errors.Is(err, syscall.EAGAIN) || errors.Is(err, syscall.EINPROGRESS) {
		return errors.New("no answer in time")
	}
	return err
}
