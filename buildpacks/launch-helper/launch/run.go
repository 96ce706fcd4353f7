package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// command is one of a list: variables, a program and its arguments, as words.
type command struct {
	after string // "&&", ";" or "" for the first
	words []string
}

// commands cuts a list where one command ends.
func commands(args []string) []command {
	list := []command{{}}
	for _, word := range args {
		if word == "&&" || word == ";" {
			list = append(list, command{after: word})
			continue
		}
		last := &list[len(list)-1]
		last.words = append(last.words, word)
	}
	return list
}

// runList runs commands one after the other, and becomes the last one. A command after "&&" does not run if the one before failed.
func runList(args []string, env environment, out io.Writer) (code int, err error) {
	if all := lists(args); len(all) > 1 {
		return runTogether(all, env)
	}
	signals := make(chan os.Signal, 16)
	signal.Notify(signals, passed...)
	list := commands(args)
	for i, c := range list {
		if c.after == "&&" && code != 0 {
			continue
		}
		variables, words := c.expand(env)
		switch {
		case len(words) == 0:
			return 0, fmt.Errorf("launch: %s names no program", strings.Join(c.words, " "))
		case words[0] == "export":
			for _, word := range c.words[1:] {
				env.set(word)
			}
		case words[0] == "cd" && len(words) == 2:
			if err := syscall.Chdir(words[1]); err != nil {
				return 0, fmt.Errorf("launch: cd %s: %w", words[1], err)
			}
		case words[0] == "echo":
			_, _ = fmt.Fprintln(out, strings.Join(words[1:], " ")) // whoever started it may have closed it
		case i == len(list)-1:
			return become(words, variables, signals)
		default:
			var stop bool
			if code, stop = await(words, variables, signals); stop {
				return code, nil
			}
			continue
		}
		code = 0
	}
	return code, nil
}

// expand returns the variables and the words of a command.
func (c command) expand(env environment) (environment, []string) {
	variables, words := maps.Clone(env), c.words
	for ; len(words) > 0 && assigns(words[0]); words = words[1:] {
		variables.set(words[0])
	}
	var fields []string
	for _, word := range words {
		fields = append(fields, env.fields(word)...)
	}
	return variables, fields
}

// become replaces this program by another one, which gets the signals from then on. One that came before ends both.
func become(words []string, env environment, signals chan os.Signal) (int, error) {
	program, err := env.find(words[0])
	if err != nil {
		return 127, fmt.Errorf("launch: %w", err)
	}
	signal.Stop(signals) // what came before is in the channel then
	if s := pendingEnd(signals); s != nil {
		return exitCode(s), nil
	}
	err = syscall.Exec(program, words, env.list())
	return failedStart(err), fmt.Errorf("launch: %s: %w", program, err)
}

// pendingEnd returns a signal that came and is to end the list, nil if there is none. Others that came were for a command that is no
// more, or for none yet, and are dropped.
func pendingEnd(signals chan os.Signal) os.Signal {
	for {
		select {
		case s := <-signals:
			if slices.Contains(ending, s) {
				return s
			}
		default:
			return nil
		}
	}
}

// failedStart returns the exit code for a program that could not be started, as a shell tells it.
func failedStart(err error) int {
	if errors.Is(err, syscall.ENOENT) {
		return 127
	}
	return 126
}

// await runs a program to its end and passes signals on. Stop says that one of them was to end the list.
func await(words []string, env environment, signals chan os.Signal) (code int, stop bool) {
	program, err := env.find(words[0])
	if err != nil {
		fmt.Fprintln(os.Stderr, "launch:", err)
		return 127, false
	}
	process, err := os.StartProcess(program, words, &os.ProcAttr{Env: env.list(), Files: []*os.File{os.Stdin, os.Stdout, os.Stderr}})
	if err != nil {
		fmt.Fprintln(os.Stderr, "launch:", err)
		return failedStart(err), false
	}
	ended := make(chan int, 1)
	go func() { ended <- status(process) }()
	for {
		select {
		case s := <-signals:
			stop = stop || slices.Contains(ending, s)
			_ = syscall.Kill(process.Pid, number(s)) // it may just have ended
		case code = <-ended:
			if s := pendingEnd(signals); s != nil && !stop {
				return exitCode(s), true // the program ended without it
			}
			return code, stop
		}
	}
}

// find returns the file of a program as a shell finds it.
func (env environment) find(name string) (string, error) {
	if strings.Contains(name, "/") {
		return name, nil
	}
	for dir, rest := "", env["PATH"]; rest != ""; {
		dir, rest, _ = strings.Cut(rest, ":")
		file := filepath.Join(dir, name)
		if info, err := os.Stat(file); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return file, nil
		}
	}
	return "", errors.New(name + " is not found in PATH")
}

// list returns the variables as a program is given them.
func (env environment) list() []string {
	var list []string
	for name, value := range env {
		list = append(list, name+"="+value)
	}
	return list
}
