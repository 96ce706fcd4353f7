// Package run starts an image of the store as a container engine would, in a sandbox.
package run

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/strata-buildpacks/strata/builder/platform/home"
	"github.com/strata-buildpacks/strata/builder/platform/internal/bindings"
	"github.com/strata-buildpacks/strata/builder/platform/internal/unpack"
	"github.com/strata-buildpacks/strata/builder/platform/sandbox"
	"github.com/strata-buildpacks/strata/builder/platform/store"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

// stopGrace is how long an app may take to end after SIGTERM. Docker gives it the same time.
const stopGrace = 10 * time.Second

// Options say which image to start and how.
type Options struct {
	Image    string
	Process  string   // process type; empty for the image's own entrypoint
	Args     []string // arguments of the process
	Env      []string // NAME=value pairs on top of the image's
	Bindings []string // folders that the process finds under $SERVICE_BINDING_ROOT/<base name>

	Stdin          io.Reader
	Stdout, Stderr io.Writer
}

// Image starts an image of the home's store in a sandbox on the host's network, and waits for it. The error of a process
// that ends with another status than 0 is an *exec.ExitError. What the process writes is gone afterwards.
func Image(ctx context.Context, h *home.Home, options Options) error {
	image, err := h.Store.Find(options.Image, store.BuildApp)
	if err != nil {
		return err
	}
	config, err := image.ConfigFile()
	if err != nil {
		return fmt.Errorf("reading %s: %w", options.Image, err)
	}
	dir, remove, err := h.Scratch(ctx)
	if err != nil {
		return err
	}
	defer remove()
	uid, gid, err := user(config.Config.User)
	if err != nil {
		return fmt.Errorf("reading %s: %w", options.Image, err)
	}
	root := filepath.Join(dir, "root")
	if err := unpackApp(image, root, uid, gid); err != nil {
		return fmt.Errorf("unpacking %s: %w", options.Image, err)
	}
	args, err := command(config.Config, options, root)
	if err != nil {
		return err
	}
	binds := []sandbox.Bind{
		{Source: filepath.Join(dir, "resolv.conf"), Target: "/etc/resolv.conf"},
		{Source: filepath.Join(dir, "hosts"), Target: "/etc/hosts"},
	}
	env := append([]string{}, config.Config.Env...)
	if len(options.Bindings) > 0 {
		bind, err := bindAll(options.Bindings, dir, root)
		if err != nil {
			return err
		}
		binds, env = append(binds, bind), append(env, "SERVICE_BINDING_ROOT="+bindings.Root)
	}
	env = append(env, options.Env...)
	if !slices.ContainsFunc(env, func(one string) bool { return strings.HasPrefix(one, "HOME=") }) {
		home, err := homeOf(root, uid)
		if err != nil {
			return fmt.Errorf("reading %s: %w", options.Image, err)
		}
		env = append(env, "HOME="+home)
	}
	return sandbox.Run(ctx, sandbox.Spec{
		Root: root, RootWritable: true, UID: uid, GID: gid, Dir: workingDir(config.Config),
		Binds: binds, Env: env, Args: args, Network: sandbox.HostNetwork,
		Stdin: options.Stdin, Stdout: options.Stdout, Stderr: options.Stderr, Grace: stopGrace,
	})
}

// homeOf returns the home that /etc/passwd of an image gives a user. For a user who is not there it is "/", as container
// engines have it.
func homeOf(root string, uid int) (string, error) {
	opened, err := os.OpenRoot(root)
	if err != nil {
		return "", err
	}
	defer opened.Close()
	data, err := opened.ReadFile("etc/passwd")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	for line := range strings.Lines(string(data)) {
		if fields := strings.Split(strings.TrimSpace(line), ":"); len(fields) == 7 && fields[2] == strconv.Itoa(uid) {
			return fields[5], nil
		}
	}
	return "/", nil
}

// unpackApp unpacks an image with the mount points of a sandbox. Beside it lie the files that are bound there.
func unpackApp(image v1.Image, root string, uid, gid int) error {
	if err := os.Mkdir(root, 0o755); err != nil {
		return err
	}
	hostUID, hostGID := sandbox.HostIDs()
	var owner unpack.Owner
	if hostUID != os.Getuid() {
		owner = func(fileUID, fileGID int) (int, int) {
			mappedUID, mappedGID := 0, 0 // in a sandbox everybody except the app's user is nobody
			if fileUID == uid {
				mappedUID = hostUID
			}
			if fileGID == gid {
				mappedGID = hostGID
			}
			return mappedUID, mappedGID
		}
	}
	if err := unpack.Image(image, root, owner); err != nil {
		return err
	}
	if err := unpack.MountPoints(root, []string{"proc", "dev", "etc"}, []string{"etc/hosts", "etc/resolv.conf"}); err != nil {
		return err
	}
	for file, content := range map[string]string{"hosts": "127.0.0.1 localhost strata\n", "resolv.conf": resolvConf()} {
		if err := os.WriteFile(filepath.Join(filepath.Dir(root), file), []byte(content), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// bindAll copies bindings beside the root, where the app's user can read them, and makes their mount point.
func bindAll(folders []string, dir, root string) (sandbox.Bind, error) {
	copies := filepath.Join(dir, "bindings")
	if err := bindings.Copy(folders, copies); err != nil {
		return sandbox.Bind{}, err
	}
	mount := []string{strings.TrimPrefix(bindings.Root, "/")}
	return sandbox.Bind{Source: copies, Target: bindings.Root}, unpack.MountPoints(root, mount, nil)
}

// resolvConf returns the machine's list of name servers. A machine without one resolves nothing, and neither does the app.
func resolvConf() string {
	content, err := os.ReadFile("/etc/resolv.conf")
	if err != nil {
		return ""
	}
	return string(content)
}

// user reads the numeric "uid:gid" of an image's configuration.
func user(text string) (uid, gid int, err error) {
	left, right, found := strings.Cut(text, ":")
	if uid, err = strconv.Atoi(left); err != nil {
		return 0, 0, notNumeric("user", text)
	}
	if !found {
		return uid, uid, nil
	}
	if gid, err = strconv.Atoi(right); err != nil {
		return 0, 0, notNumeric("group in", text)
	}
	return uid, gid, nil
}

func notNumeric(what, text string) error {
	return fault.Fault{
		ID:   "image-user",
		What: fmt.Sprintf("the image's %s %q is no number", what, text),
		Do:   "run it with a container engine",
	}
}

// command returns what to execute: the entrypoint, or the process type that was asked for.
func command(config v1.Config, options Options, root string) ([]string, error) {
	entrypoint := config.Entrypoint
	if options.Process != "" {
		program := "/cnb/process/" + options.Process
		if _, err := os.Lstat(filepath.Join(root, program)); err != nil || strings.Contains(options.Process, "/") {
			return nil, fault.Fault{
				ID:   "process-unknown",
				What: fmt.Sprintf("%s has no process type %q", options.Image, options.Process),
				Do:   "take one of " + strings.Join(processes(root), ", "),
			}
		}
		entrypoint = []string{program}
	}
	args := options.Args
	if len(args) == 0 && options.Process == "" {
		args = config.Cmd
	}
	full := append(append([]string{}, entrypoint...), args...)
	if len(full) == 0 || !strings.HasPrefix(full[0], "/") {
		return nil, fault.Fault{
			ID:   "process-missing",
			What: options.Image + " has no default process",
			Do:   "name one with --process: " + strings.Join(processes(root), ", "),
		}
	}
	return full, nil
}

func processes(root string) []string {
	entries, err := os.ReadDir(filepath.Join(root, "cnb", "process"))
	if err != nil {
		return nil
	}
	var types []string
	for _, entry := range entries {
		types = append(types, entry.Name())
	}
	return types
}

func workingDir(config v1.Config) string {
	if config.WorkingDir == "" {
		return "/"
	}
	return config.WorkingDir
}
