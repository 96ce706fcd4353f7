// Package run starts an image of the store as a container engine would, in a sandbox.
package run

import (
	"cmp"
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
	"unicode"

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

// limitGrace is the same for an app whose time is limited.
const limitGrace = time.Second

// Options say which image to start and how.
type Options struct {
	Image    string
	Process  string   // process type; empty for the image's own entrypoint
	Command  string   // a program of the image, by its path or by its name on the app's PATH, instead of a process type
	Args     []string // arguments of the process
	Env      []string // NAME=value pairs on top of the image's
	Bindings []string // folders that the process finds under $SERVICE_BINDING_ROOT/<base name>

	Stdin          io.Reader
	Stdout, Stderr io.Writer
	// Terminal is where somebody sits. The process gets a terminal of its own behind it, and Stdin, Stdout and Stderr do not
	// count. Nil for none.
	Terminal *os.File
	// Signals are passed on to the process. If they are not nil, the context counts only until the process starts.
	Signals <-chan os.Signal
	// Unpacked is how many bytes the files of the image may take. Zero is 20 GB, and 200 times the size of the layers.
	Unpacked int64
	// Join is the first process of a sandbox of the same user of an image, whose processes this one sees. Zero is a sandbox of its own.
	Join sandbox.Process
	// Refused is called with each system call that the seccomp profile of the image refuses. Nil is for no profile.
	Refused func(call string)
	// Limit is how long the process may run. The error of one that runs longer is context.DeadlineExceeded. Zero is no limit.
	Limit time.Duration
}

// Image starts an image of the home's store in a sandbox on the host's network, and waits for it. The error of a process
// that ends with another status than 0 is an *exec.ExitError. What the process writes is gone afterwards.
func Image(ctx context.Context, h *home.Home, options Options) error {
	image, err := h.Store.Find(options.Image, store.BuildApp)
	if err != nil {
		return err
	}
	return start(ctx, h, image, options, h.NoteRun)
}

// Start is Image for an image that need not be in the store. Nobody finds its sandbox.
func Start(ctx context.Context, h *home.Home, image v1.Image, options Options) error {
	return start(ctx, h, image, options, func(string, home.Run) error { return nil })
}

// start starts an image, and notes what runs in the folder of the command.
func start(ctx context.Context, h *home.Home, image v1.Image, options Options, note func(dir string, running home.Run) error) error {
	dir, remove, err := h.Scratch(ctx)
	if err != nil {
		return err
	}
	defer remove()
	calls, err := options.calls(image)
	if err != nil {
		return err
	}
	spec, err := prepare(image, dir, options)
	if err != nil {
		return err
	}
	spec.Limited, spec.Calls, spec.Refused = options.Refused != nil, calls, options.Refused
	spec.Started = func(first sandbox.Process) error {
		return note(dir, home.Run{Image: options.Image, PID: first.PID, Began: first.Began})
	}
	if options.Signals != nil {
		if err := ctx.Err(); err != nil {
			return err
		}
		ctx = context.WithoutCancel(ctx)
	}
	if options.Limit > 0 {
		limited, stop := context.WithTimeout(ctx, options.Limit)
		defer stop()
		ctx, spec.Grace = limited, limitGrace
	}
	return sandbox.Run(ctx, spec)
}

// prepare unpacks an image in a folder and says how its process is started.
func prepare(image v1.Image, dir string, options Options) (spec sandbox.Spec, err error) {
	file, err := image.ConfigFile()
	if err != nil {
		return spec, fmt.Errorf("reading %s: %w", options.Image, err)
	}
	if err := CheckPlatform(options.Image, file.Platform()); err != nil {
		return spec, err
	}
	config := file.Config
	uid, gid, err := user(config.User)
	if err != nil {
		return spec, fmt.Errorf("reading %s: %w", options.Image, err)
	}
	path := filepath.Join(dir, "root")
	if err := unpackApp(image, path, uid, gid, options.limit()); err != nil {
		return spec, fmt.Errorf("unpacking %s: %w", options.Image, err)
	}
	root, err := os.OpenRoot(path) // an image's links lead nowhere on the host
	if err != nil {
		return spec, fmt.Errorf("reading %s: %w", options.Image, err)
	}
	defer root.Close()
	args, err := command(config, options, root)
	if err != nil {
		return spec, err
	}
	binds := []sandbox.Bind{
		{Source: filepath.Join(dir, "resolv.conf"), Target: "/etc/resolv.conf"},
		{Source: filepath.Join(dir, "hosts"), Target: "/etc/hosts"},
	}
	env := append([]string{}, config.Env...)
	var bound []sandbox.Folder
	if len(options.Bindings) > 0 {
		folder, err := bindAll(options.Bindings, path)
		if err != nil {
			return spec, err
		}
		bound, env = append(bound, folder), append(env, "SERVICE_BINDING_ROOT="+bindings.Root)
	}
	spec = sandbox.Spec{
		Root: path, RootWritable: true, UID: uid, GID: gid, Dir: workingDir(config), Sysfs: true,
		Binds: binds, InMemory: bound, Args: args, Network: sandbox.HostNetwork,
		Stdin: options.Stdin, Stdout: options.Stdout, Stderr: options.Stderr, Signals: options.Signals, Grace: stopGrace, Join: options.Join,
	}
	if options.Terminal != nil {
		env = append(env, "TERM="+cmp.Or(os.Getenv("TERM"), "xterm"))
		spec.Terminal, spec.Attach = true, func(inside *os.File) { attach(options.Terminal, inside) }
	}
	env = append(env, options.Env...)
	if !slices.ContainsFunc(env, func(one string) bool { return strings.HasPrefix(one, "HOME=") }) {
		home, err := homeOf(root, uid)
		if err != nil {
			return spec, fmt.Errorf("reading %s: %w", options.Image, err)
		}
		env = append(env, "HOME="+home)
	}
	spec.Env = env
	return spec, nil
}

// homeOf returns the home that /etc/passwd of an image gives a user. For a user who is not there it is "/", as container
// engines have it.
func homeOf(root *os.Root, uid int) (string, error) {
	file, err := root.Open("etc/passwd")
	if errors.Is(err, fs.ErrNotExist) {
		return "/", nil
	}
	if err != nil {
		return "", err
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, maxPasswd))
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(data)) {
		if fields := strings.Split(strings.TrimSpace(line), ":"); len(fields) == 7 && fields[2] == strconv.Itoa(uid) {
			return fields[5], nil
		}
	}
	return "/", nil
}

// maxPasswd is how much of an image's /etc/passwd is read, in bytes.
const maxPasswd = 1 << 20

// DefaultUnpacked is how many bytes the files of an image may have if nobody says otherwise.
const DefaultUnpacked = 20e9

// UnpackedVariable is the variable with Options.Unpacked, in gigabytes.
const UnpackedVariable = "STRATA_UNPACK_GB"

// limit bounds how much is unpacked.
func (o Options) limit() unpack.Limit {
	if o.Unpacked > 0 {
		return unpack.Limit{Bytes: o.Unpacked, Variable: UnpackedVariable}
	}
	return unpack.Limit{Bytes: DefaultUnpacked, Ratio: 200, Variable: UnpackedVariable}
}

// unpackApp unpacks an image with the mount points of a sandbox. Beside it lie the files that are bound there.
func unpackApp(image v1.Image, root string, uid, gid int, limit unpack.Limit) error {
	if err := os.Mkdir(root, 0o755); err != nil {
		return err
	}
	owner := asTheApp(uid, gid)
	if os.Getuid() == 0 {
		owner = asRoot(uid, gid)
	}
	if err := unpack.Image(image, root, owner, limit); err != nil {
		return err
	}
	if err := unpack.MountPoints(root, []string{"proc", "sys", "dev", "etc"}, []string{"etc/hosts", "etc/resolv.conf"}); err != nil {
		return err
	}
	for file, content := range map[string]string{"hosts": "127.0.0.1 localhost strata\n", "resolv.conf": resolvConf()} {
		if err := os.WriteFile(filepath.Join(filepath.Dir(root), file), []byte(content), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// asRoot gives files to the app's user and group. In a sandbox everybody else is nobody.
func asRoot(uid, gid int) unpack.Owner {
	hostUID, hostGID := sandbox.HostIDs()
	return func(fileUID, fileGID int, mode fs.FileMode) (int, int, fs.FileMode) {
		mappedUID, mappedGID := 0, 0
		if fileUID == uid {
			mappedUID = hostUID
		}
		if fileGID == gid {
			mappedGID = hostGID
		}
		return mappedUID, mappedGID, mode
	}
}

// asTheApp leaves all files to the caller, who is the app's user in the sandbox, and gives the owner the rights that the
// app's user would have.
func asTheApp(uid, gid int) unpack.Owner {
	return func(fileUID, fileGID int, mode fs.FileMode) (int, int, fs.FileMode) {
		rights := mode & 0o700
		switch {
		case fileUID == uid:
		case fileGID == gid:
			rights = mode & 0o070 << 3
		default:
			rights = mode & 0o007 << 6
		}
		return os.Getuid(), os.Getgid(), mode&^0o700 | rights
	}
}

// bindAll reads bindings, and makes their mount point in the root.
func bindAll(folders []string, root string) (sandbox.Folder, error) {
	folder, err := bindings.Read(folders)
	if err != nil {
		return folder, err
	}
	return folder, unpack.MountPoints(root, []string{strings.TrimPrefix(bindings.Root, "/")}, nil)
}

// resolvConf returns the machine's list of name servers. A machine without one resolves nothing, and neither does the app.
func resolvConf() string {
	content, err := os.ReadFile("/etc/resolv.conf")
	if err != nil {
		return ""
	}
	return string(content)
}

// platformAPI begins the variable without which the launcher does not start (platform.md, "Launch"). A builder has a launcher and no
// such variable.
const platformAPI = "CNB_PLATFORM_API="

// Where the lifecycle puts its launcher, and a link to it for each process type (platform.md, "Launch").
const (
	launcher   = "cnb/lifecycle/launcher"
	processDir = "cnb/process"
)

// command returns what to execute: the entrypoint, or the process type or program that was asked for.
func command(config v1.Config, options Options, root *os.Root) ([]string, error) {
	switch {
	case options.Command != "":
		found, err := program(config, options, root)
		return append(found, options.Args...), err
	case options.Process != "":
		types := processes(root)
		if !slices.Contains(types, options.Process) {
			return nil, fault.Fault{
				ID:   "process-unknown",
				What: fmt.Sprintf("%s has no process type %q", options.Image, options.Process),
				Do:   oneOf(types),
			}
		}
		return append([]string{"/" + processDir + "/" + options.Process}, options.Args...), nil
	}
	args := options.Args
	if len(args) == 0 {
		args = config.Cmd
	}
	full := append(append([]string{}, config.Entrypoint...), args...)
	if len(full) == 0 || !strings.HasPrefix(full[0], "/") {
		return nil, fault.Fault{
			ID:   "process-missing",
			What: options.Image + " has no default process",
			Do:   oneOf(processes(root)),
		}
	}
	return full, nil
}

// oneOf says how to start one of an image's process types.
func oneOf(types []string) string {
	if len(types) == 0 {
		return "start a program of the image with --command"
	}
	return "name one with --process: " + strings.Map(printable, strings.Join(types, ", "))
}

// printable keeps what an image is called from steering a terminal.
func printable(r rune) rune {
	if unicode.IsPrint(r) {
		return r
	}
	return unicode.ReplacementChar
}

// program returns how a program is started. The launcher gives it the variables of the app, and looks for it on the PATH of the app.
func program(config v1.Config, options Options, root *os.Root) ([]string, error) {
	launched := slices.ContainsFunc(config.Env, func(one string) bool { return strings.HasPrefix(one, platformAPI) })
	if _, err := root.Lstat(launcher); err == nil && launched {
		return []string{"/" + launcher, "--", options.Command}, nil
	}
	if strings.Contains(options.Command, "/") {
		return []string{options.Command}, nil
	}
	var folders []string
	for _, variable := range config.Env {
		if list, found := strings.CutPrefix(variable, "PATH="); found {
			folders = filepath.SplitList(list)
		}
	}
	for _, folder := range folders {
		path := filepath.Join("/", folder, options.Command)
		if _, err := root.Lstat(strings.TrimPrefix(path, "/")); err == nil {
			return []string{path}, nil
		}
	}
	return nil, fault.Fault{
		ID:   "program-missing",
		What: fmt.Sprintf("%s has no program %q on its PATH", options.Image, options.Command),
		Do:   "write the path of a program of the image",
	}
}

// processes returns the process types of an image.
func processes(root *os.Root) []string {
	entries, err := fs.ReadDir(root.FS(), processDir)
	if err != nil { // it has none
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
