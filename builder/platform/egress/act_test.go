package egress_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// act is what a build does. What it prints is compared.
func act(args []string) error {
	switch args[0] {
	case "hello": // from each address
		for _, address := range args[1:] {
			fmt.Println(address, hello(address))
		}
	case "udp":
		conn, err := net.Dial("udp", args[1])
		if err != nil {
			return err
		}
		_, _ = conn.Write([]byte("question"))
		_, err = conn.Read(make([]byte, 1))
		fmt.Println(word(err))
	case "look": // names up, each by packets and by a connection
		for _, name := range args[1:] {
			for _, network := range []string{"udp", "tcp"} {
				fmt.Println(network, name, lookUp(network, name))
			}
		}
	case "send", "sum":
		return move(args[0], args[1], args[2])
	case "many":
		return many(args[1], args[2])
	case "hold": // connections, and ends while they are open
		for range 20 {
			conn, err := open(args[1], "stall")
			if err != nil {
				return err
			}
			if _, err := io.ReadFull(conn, make([]byte, len("stalled"))); err != nil {
				return err
			}
			go func() { _, _ = io.Copy(conn, pattern()) }()
		}
		fmt.Println("held")
	case "reset":
		conn, err := open(args[1], "reset")
		if err != nil {
			return err
		}
		_, err = conn.Read(make([]byte, 1))
		fmt.Println(word(err))
	case "socket":
		_, err := net.Dial("unix", args[1])
		fmt.Println(word(err))
	case "listen":
		listener, err := net.Listen("tcp", args[1])
		if err != nil {
			return err
		}
		fmt.Println("listens")
		serve(listener)
	}
	return nil
}

// open connects and says what the server is to do.
func open(address, what string) (*net.TCPConn, error) {
	conn, err := net.DialTimeout("tcp", address, 20*time.Second)
	if err != nil {
		return nil, errors.New(word(err))
	}
	_, err = fmt.Fprintln(conn, what)
	return conn.(*net.TCPConn), err
}

func hello(address string) string {
	conn, err := open(address, "hello")
	if err != nil {
		return err.Error()
	}
	content, err := io.ReadAll(conn)
	if err != nil {
		return word(err)
	}
	return string(content)
}

// word is a short name of an error.
func word(err error) string {
	for _, code := range []unix.Errno{unix.ECONNREFUSED, unix.ECONNRESET, unix.ENETUNREACH, unix.EHOSTUNREACH} {
		if errors.Is(err, code) {
			return unix.ErrnoName(code)
		}
	}
	if os.IsTimeout(err) {
		return "timeout"
	}
	return fmt.Sprint(err)
}

// lookUp asks for a name. The resolver itself asks by packets, and by a connection when an answer does not fit.
func lookUp(network, name string) string {
	resolver := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, wanted, address string) (net.Conn, error) {
		if network == "tcp" {
			wanted = network
		}
		return new(net.Dialer).DialContext(ctx, wanted, address)
	}}
	found, err := resolver.LookupHost(context.Background(), name)
	if e := new(net.DNSError); errors.As(err, &e) {
		return e.Err
	}
	return strings.Join(found, " ")
}

// move has the server send or sum up so many bytes.
func move(what, address, count string) error {
	conn, err := open(address, what+" "+count)
	if err != nil {
		return err
	}
	if what == "send" {
		n, sum := sumOf(conn)
		fmt.Println(n, sum)
		return nil
	}
	n, err := strconv.ParseInt(count, 10, 64)
	if err != nil {
		return err
	}
	if _, err := io.CopyN(conn, pattern(), n); err != nil {
		return err
	}
	if err := conn.CloseWrite(); err != nil {
		return err
	}
	answer, err := io.ReadAll(conn)
	fmt.Println(string(answer))
	return err
}

// many opens so many connections before it uses one of them.
func many(address, count string) error {
	n, err := strconv.Atoi(count)
	if err != nil {
		return err
	}
	var all, opened sync.WaitGroup
	var good atomic.Int64
	opened.Add(n)
	for range n {
		all.Go(func() {
			conn, err := net.Dial("tcp", address)
			opened.Done()
			if err != nil {
				fmt.Println(word(err))
				return
			}
			opened.Wait()
			_, _ = fmt.Fprintln(conn, "hello")
			if content, err := io.ReadAll(conn); err == nil && strings.HasPrefix(string(content), "hello from") {
				good.Add(1)
			}
		})
	}
	all.Wait()
	fmt.Println(good.Load(), "answered")
	return nil
}
