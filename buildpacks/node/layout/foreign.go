package layout

import (
	"path"
	"regexp"
	"slices"
	"strings"
)

// architectures are words for them in names of addons, by what Node.js calls them.
var architectures = map[string]string{
	"x64": "x64", "amd64": "x64", "arm64": "arm64", "aarch64": "arm64", "arm": "arm", "armhf": "arm", "armv7": "arm", "armv7l": "arm",
	"ia32": "ia32", "i686": "ia32", "s390x": "s390x", "ppc64": "ppc64", "ppc64le": "ppc64", "riscv64": "riscv64", "loong64": "loong64",
}

// foreignAddon reports, by the words of its name, whether an addon is for musl, another system or another architecture.
func foreignAddon(name, arch string) bool {
	stem, addon := strings.CutSuffix(path.Base(name), ".node")
	if !addon {
		return false
	}
	own, others := false, false
	separates := func(r rune) bool { return strings.ContainsRune("._-+", r) }
	for word := range strings.FieldsFuncSeq(strings.ReplaceAll(stem, "x86_64", "x64"), separates) {
		switch word {
		case "musl", "linuxmusl", "darwin", "win32", "freebsd", "android":
			return true
		}
		own = own || architectures[word] == arch
		others = others || architectures[word] != ""
	}
	return others && !own
}

var otherPlatform = regexp.MustCompile(
	`/prebuilds/(aix|android|darwin|freebsd|ios|linux|linuxglibc|linuxmusl|openbsd|sunos|win32)-([a-z0-9+]+)$`)

// foreignFolder reports whether a folder holds addons that are built for another kind of machine, as prebuildify lays them out.
func foreignFolder(name, arch string) bool {
	parts := otherPlatform.FindStringSubmatch(name)
	return parts != nil && (parts[1] != "linux" && parts[1] != "linuxglibc" || !slices.Contains(strings.Split(parts[2], "+"), arch))
}
