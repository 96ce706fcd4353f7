package run

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

// interpreters is where Linux says which files it starts by an interpreter (admin-guide/binfmt-misc.rst).
const interpreters = "/proc/sys/fs/binfmt_misc"

// CheckPlatform returns a fault if this machine starts no programs of an image's platform.
func CheckPlatform(image string, platform *v1.Platform) error {
	if platform == nil || platform.Architecture == "" || starts(interpreters, platform.Architecture) {
		return nil
	}
	return fault.Fault{
		ID:   "image-arch",
		What: fmt.Sprintf("%s is for %s, and this machine starts programs for linux/%s", image, platform, runtime.GOARCH),
		Do: "start it on such a machine, build it with --platform linux/" + runtime.GOARCH +
			", or have the kernel start its programs by an emulator: Debian's qemu-user-static with binfmt-support",
	}
}

// starts reports whether the kernel starts programs for an architecture: the machine's own, and those for which it has an interpreter.
func starts(interpreters, arch string) bool {
	if arch == runtime.GOARCH {
		return true
	}
	machine, known := map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64}[arch]
	entries, err := os.ReadDir(interpreters)
	if !known || err != nil { // the kernel has none
		return false
	}
	return slices.ContainsFunc(entries, func(entry os.DirEntry) bool {
		text, err := os.ReadFile(filepath.Join(interpreters, entry.Name()))
		return err == nil && interprets(string(text), machine)
	})
}

// interprets reports whether an interpreter starts programs for a machine in a sandbox: the kernel has to have it open already (flag F),
// because an image does not have it.
func interprets(text string, machine elf.Machine) bool {
	fields := map[string]string{}
	for line := range strings.Lines(text) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		fields[strings.TrimSuffix(key, ":")] = value
	}
	magic, err := hex.DecodeString(fields["magic"])
	offset, offsetErr := strconv.Atoi(fields["offset"])
	_, enabled := fields["enabled"]
	if err != nil || offsetErr != nil || len(magic) == 0 || !enabled || !strings.Contains(fields["flags"], "F") {
		return false
	}
	mask, err := hex.DecodeString(fields["mask"])
	if err != nil || len(mask) != len(magic) {
		mask = bytes.Repeat([]byte{0xff}, len(magic))
	}
	header := append([]byte(elf.ELFMAG), byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), byte(elf.EV_CURRENT))
	header = append(header, make([]byte, elf.EI_NIDENT-len(header))...)
	header = binary.LittleEndian.AppendUint16(header, uint16(elf.ET_EXEC))
	header = binary.LittleEndian.AppendUint16(header, uint16(machine))
	if offset < 0 || offset+len(magic) > len(header) {
		return false
	}
	for i := range magic {
		if header[offset+i]&mask[i] != magic[i]&mask[i] {
			return false
		}
	}
	return true
}
