package sandbox

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

const allowNamespaces = "allow them (as root: `sysctl user.max_user_namespaces=15000`, " +
	"on Ubuntu also `sysctl kernel.apparmor_restrict_unprivileged_userns=0`), or build with pack"

// refused explains why the kernel did not make the namespaces.
func refused(err error) error {
	is := func(code unix.Errno) bool { return errors.Is(err, code) }
	if slices.ContainsFunc([]unix.Errno{unix.EPERM, unix.ENOSPC, unix.EINVAL, unix.ENOSYS, unix.EUSERS}, is) {
		return fault.Fault{
			ID:   "sandbox-refused",
			What: "this machine does not allow user namespaces",
			Err:  err,
			Do:   allowNamespaces,
		}
	}
	return fmt.Errorf("starting the sandbox: %w", err)
}

func setupFault(text string) error {
	switch {
	case strings.HasPrefix(text, privateStep):
		return fault.Fault{
			ID:   "sandbox-refused",
			What: "this machine does not let a user namespace mount anything",
			Err:  errors.New(text),
			Do:   allowNamespaces,
		}
	case strings.HasPrefix(text, linkStep):
		return fault.Fault{
			ID:   "sandbox-link",
			What: "this machine does not give a build a network of its own",
			Err:  errors.New(text),
			Do: "load the kernel's module (as root: `modprobe veth`), or build with --network none, or with --network host, " +
				"which lets the build reach what listens on this machine",
		}
	case strings.HasPrefix(text, executeStep) && strings.HasSuffix(text, unix.E2BIG.Error()):
		return fault.Fault{
			ID:   "sandbox-size",
			What: "the command's arguments and variables are longer than Linux passes to a program",
			Err:  errors.New(text),
			Do:   "pass fewer of them, and none of more than 128 kB",
		}
	case strings.HasPrefix(text, endedStep):
		return fault.Fault{ID: "sandbox-ended", What: "the sandbox to join has ended", Err: errors.New(text), Do: "start the image again"}
	case strings.HasPrefix(text, joinStep):
		return fault.Fault{
			ID: "sandbox-join", What: "this machine does not let you join the sandbox", Err: errors.New(text),
			Do: "do it as the user who started the image",
		}
	case strings.HasPrefix(text, executeStep), strings.HasPrefix(text, folderStep):
		return fault.Fault{
			ID:   "sandbox-program",
			What: text,
			Do:   "see whether the root file system has it, with the interpreter or loader that it names, for this machine's architecture",
		}
	}
	return fmt.Errorf("setting up the sandbox: %s", text)
}
