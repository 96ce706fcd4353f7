package sandbox

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// What container engines hide of the machine, and what they make read-only (runtime-spec, config-linux.md, "Masked Paths"
// and "Readonly Paths"; the values are those of Docker, containerd and Podman).
var (
	maskedProc = []string{
		"proc/acpi", "proc/asound", "proc/interrupts", "proc/kcore", "proc/keys", "proc/latency_stats", "proc/sched_debug",
		"proc/scsi", "proc/timer_list", "proc/timer_stats",
	}
	maskedSys    = []string{"sys/dev/block", "sys/devices/virtual/powercap", "sys/firmware", "sys/fs/selinux"}
	readOnlyProc = []string{"proc/bus", "proc/fs", "proc/irq", "proc/sys", "proc/sysrq-trigger"}
)

// mountSystem mounts /proc, /dev and, when asked, /sys. It forbids user namespaces, which only /proc can do.
func mountSystem(spec Spec) error {
	targets := []string{"proc", "dev"}
	if spec.Sysfs {
		targets = append(targets, "sys")
	}
	for _, target := range targets {
		if err := inside(target); err != nil {
			return err
		}
	}
	if spec.Sysfs {
		if err := mountSys(); err != nil {
			return err
		}
	}
	// A file system that is mounted in here holds only files of ids that this namespace knows. It does not know the host's
	// root.
	if err := unix.Setfsgid(spec.GID); err != nil {
		return fmt.Errorf("changing the file system gid: %w", err)
	}
	if err := unix.Setfsuid(spec.UID); err != nil {
		return fmt.Errorf("changing the file system uid: %w", err)
	}
	if err := unix.Mount("proc", "proc", "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""); err != nil {
		return fmt.Errorf("mounting /proc: %w", err)
	}
	// In a user namespace of its own the command would have every capability: user_namespaces(7).
	if err := os.WriteFile("proc/sys/user/max_user_namespaces", []byte("0"), 0o644); err != nil {
		return fmt.Errorf("forbidding further user namespaces: %w", err)
	}
	if err := mask(maskedProc); err != nil {
		return err
	}
	for _, path := range readOnlyProc {
		if err := restrict(path); err != nil {
			return err
		}
	}
	return mountDev()
}

// mountSys shows the host's /sys, read-only with all that is mounted below. One of its own shows the devices of a network
// namespace, and only who owns that may mount it.
func mountSys() error {
	const sys = "sys"
	err := unix.Mount("/sys", sys, "", unix.MS_BIND|unix.MS_REC, "")
	if errors.Is(err, fs.ErrNotExist) {
		return nil // the host has none
	}
	if err != nil {
		return fmt.Errorf("binding /sys: %w", err)
	}
	attributes := unix.MountAttr{
		Attr_set: unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NODEV | unix.MOUNT_ATTR_NOEXEC | unix.MOUNT_ATTR_RDONLY,
	}
	if err := unix.MountSetattr(unix.AT_FDCWD, sys, unix.AT_RECURSIVE, &attributes); err != nil {
		return fmt.Errorf("protecting /sys: %w", err)
	}
	return mask(maskedSys)
}

// mask covers files and folders of the machine, as far as they are there.
func mask(paths []string) error {
	for _, path := range paths {
		info, err := os.Lstat(path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			continue
		case err == nil && info.IsDir():
			err = unix.Mount("tmpfs", path, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC|unix.MS_RDONLY, "mode=0755")
		case err == nil:
			err = unix.Mount("/dev/null", path, "", unix.MS_BIND, "")
		}
		if err != nil {
			return fmt.Errorf("hiding /%s: %w", path, err)
		}
	}
	return nil
}

// restrict makes a file or folder of /proc read-only, if it is there.
func restrict(path string) error {
	err := unix.Mount(path, path, "", unix.MS_BIND|unix.MS_REC, "")
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("binding /%s: %w", path, err)
	}
	return protect(path, false)
}

// mountDev mounts /dev, with terminals of its own.
func mountDev() error {
	const dev = "dev"
	if err := unix.Mount("tmpfs", dev, "tmpfs", unix.MS_NOSUID|unix.MS_NOEXEC, "mode=0755,size=64k"); err != nil {
		return fmt.Errorf("mounting /dev: %w", err)
	}
	for _, device := range []string{"null", "zero", "full", "random", "urandom", "tty"} {
		target := filepath.Join(dev, device)
		if err := os.WriteFile(target, nil, 0o600); err != nil {
			return fmt.Errorf("making /dev/%s: %w", device, err)
		}
		if err := unix.Mount("/dev/"+device, target, "", unix.MS_BIND, ""); err != nil {
			return fmt.Errorf("binding /dev/%s: %w", device, err)
		}
	}
	links := map[string]string{
		"fd": "/proc/self/fd", "stdin": "/proc/self/fd/0", "stdout": "/proc/self/fd/1", "stderr": "/proc/self/fd/2", "ptmx": "pts/ptmx",
	}
	for name, target := range links {
		if err := os.Symlink(target, filepath.Join(dev, name)); err != nil {
			return fmt.Errorf("linking /dev/%s: %w", name, err)
		}
	}
	const noExec = unix.MS_NOSUID | unix.MS_NOEXEC
	if err := mountNew(filepath.Join(dev, "shm"), "tmpfs", noExec|unix.MS_NODEV, "mode=1777"); err != nil {
		return err
	}
	return mountNew(filepath.Join(dev, "pts"), "devpts", noExec, "newinstance,ptmxmode=0666,mode=0620")
}

// mountNew makes a folder and mounts a new file system there.
func mountNew(target, kind string, flags uintptr, options string) error {
	if err := os.Mkdir(target, 0o755); err != nil {
		return fmt.Errorf("making /%s: %w", target, err)
	}
	if err := unix.Mount(kind, target, kind, flags, options); err != nil {
		return fmt.Errorf("mounting /%s: %w", target, err)
	}
	return nil
}
