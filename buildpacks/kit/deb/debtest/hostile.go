package debtest

import (
	"archive/tar"
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"slices"
	"strings"
	"testing"
)

// Package is a whole .deb with a name for tests.
type Package struct {
	Name string
	Deb  []byte
}

// hostileControl is the control file of the packages below.
const hostileControl = "Package: hostile\nVersion: 1\nArchitecture: amd64\n"

// Hostile returns packages that no reader must take: they lead out of the file system, fill disk or memory, are
// damaged, or mean one thing to one reader and another to the next.
func Hostile(t testing.TB) []Package {
	t.Helper()
	var all []Package
	for _, e := range hostileEntries() {
		all = append(all, Package{e.name, Raw(t, "", hostileControl, Tar(t, nil, e.headers...))})
	}
	return slices.Concat(all, hostileNames(t), hostileArchives(t), hostileControls(t), bombs(t))
}

type entries struct {
	name    string
	headers []tar.Header
}

// hostileEntries are lists of files as a tar writer accepts them.
func hostileEntries() []entries {
	file, dir := tar.Header{Name: "./a"}, tar.Header{Name: "./a/", Typeflag: tar.TypeDir, Mode: 0o755}
	symlink := func(name, to string) tar.Header {
		return tar.Header{Name: name, Typeflag: tar.TypeSymlink, Linkname: to}
	}
	link := func(to string) tar.Header {
		return tar.Header{Name: "./b", Typeflag: tar.TypeLink, Linkname: to}
	}
	return []entries{
		{"path up", []tar.Header{{Name: "./../etc/passwd"}}},
		{"path up in the middle", []tar.Header{{Name: "./usr/../../x"}}},
		{"path up and down again", []tar.Header{{Name: "./usr/../etc/x"}}},
		{"absolute path", []tar.Header{{Name: "/etc/passwd"}}},
		{"symbolic link up", []tar.Header{symlink("./usr/x", "../../x")}},
		{"absolute symbolic link up", []tar.Header{symlink("./usr/x", "/usr/../../x")}},
		{"symbolic link to nothing", []tar.Header{symlink("./x", "")}},
		{"symbolic link of two lines", []tar.Header{symlink("./x", "a\n/etc/shadow")}},
		{"file through an absolute link", []tar.Header{symlink("./a", "/etc"), {Name: "./a/passwd"}}},
		{"file deep through a link", []tar.Header{symlink("./a", "b"), {Name: "./a/b/c/d"}}},
		{"link over a folder with files", []tar.Header{{Name: "./a/passwd"}, symlink("./a", "/etc")}},
		{"link over a folder", []tar.Header{dir, symlink("./a", "/etc")}},
		{"folder over a link", []tar.Header{symlink("./a", "/etc"), dir}},
		{"file over a folder", []tar.Header{dir, file}},
		{"file over a folder with files", []tar.Header{{Name: "./a/b"}, file}},
		{"file below a file", []tar.Header{file, {Name: "./a/b"}}},
		{"file twice", []tar.Header{file, file}},
		{"file twice under two names", []tar.Header{file, {Name: ".//a"}}},
		{"folder twice", []tar.Header{dir, dir}},
		{"file for the root", []tar.Header{{Name: "."}}},
		{"hard link out", []tar.Header{file, link("../../etc/shadow")}},
		{"hard link to an absolute path", []tar.Header{file, link("/etc/shadow")}},
		{"hard link to what is not there", []tar.Header{file, link("./etc/shadow")}},
		{"hard link to what comes later", []tar.Header{link("./a"), file}},
		{"hard link to itself", []tar.Header{link("./b")}},
		{"hard link to a symbolic link", []tar.Header{symlink("./a", "/etc/shadow"), link("./a")}},
		{"hard link to a folder", []tar.Header{dir, link("./a")}},
		{"block device", []tar.Header{{Name: "./sda", Typeflag: tar.TypeBlock, Devmajor: 8}}},
		{"character device", []tar.Header{{Name: "./mem", Typeflag: tar.TypeChar, Devmajor: 1, Devminor: 1}}},
		{"pipe", []tar.Header{{Name: "./p", Typeflag: tar.TypeFifo}}},
		{"kind of file that is not known", []tar.Header{{Name: "./p", Typeflag: 'V'}}},
		{"owner out of range", []tar.Header{{Name: "./a", Uid: 1 << 20}}},
		{"name of two lines", []tar.Header{{Name: "./a\nd41d8cd98f00b204e9800998ecf8427e  etc/shadow"}}},
		{"name that is not UTF-8", []tar.Header{{Name: "./a\xff", Format: tar.FormatGNU}}},
		{"name too long", []tar.Header{{Name: "./" + strings.Repeat("x", 256)}}},
		{"path too long", []tar.Header{{Name: "./" + strings.Repeat("x/", 2100) + "x"}}},
	}
}

// hostileNames are files that a tar writer would not write.
func hostileNames(t testing.TB) []Package {
	t.Helper()
	pax := func(record string) []byte {
		// A PAX header is a file of type x whose content is "<length> <key>=<value>\n".
		record = fmt.Sprintf("%d %s\n", len(record)+4, record)
		b := Tar(t, map[string]string{"x": record}, tar.Header{Name: "x"})
		b[156] = 'x'
		return append(sum(b[:1024]), Tar(t, map[string]string{"./a": "content"}, tar.Header{Name: "./a"})...)
	}
	huge := Tar(t, nil, tar.Header{Name: "./a"})
	copy(huge[124:136], "77777777777\x00")
	return []Package{
		{"name with a NUL", Raw(t, "", hostileControl, pax("path=./a\x00b"))},
		{"sparse file", Raw(t, "", hostileControl, pax("GNU.sparse.size=1099511627776"))},
		{"file of 8 GiB that is not there", Raw(t, "", hostileControl, sum(huge))},
	}
}

// sum writes the checksum of the tar header that b begins with.
func sum(b []byte) []byte {
	copy(b[148:156], "        ")
	n := 0
	for _, c := range b[:512] {
		n += int(c)
	}
	copy(b[148:156], fmt.Sprintf("%06o\x00 ", n))
	return b
}

// hostileArchives are damaged on the outside.
func hostileArchives(t testing.TB) []Package {
	t.Helper()
	text := map[string]string{"./control": hostileControl, "./md5sums": "d41d8cd98f00b204e9800998ecf8427e  a\n"}
	controlTar := Tar(t, text, tar.Header{Name: "./control"})
	version, control := Member{"debian-binary", []byte("2.0\n")}, Member{"control.tar", controlTar}
	data := Member{"data.tar", Tar(t, map[string]string{"./a": strings.Repeat("abc", 9000)}, tar.Header{Name: "./a"})}
	good := Ar(version, control, data)
	xz := Compress(t, ".xz", data.Data)
	flipped := bytes.Clone(xz)
	flipped[len(flipped)/2] ^= 1
	// A block's header has the size of its dictionary in one byte behind the filter's id, and a CRC32 at its end.
	greedy := bytes.Clone(xz)
	block := greedy[12:][:4*(int(greedy[12])+1)]
	block[bytes.Index(block, []byte{0x21, 1})+2] = 40
	binary.LittleEndian.PutUint32(block[len(block)-4:], crc32.ChecksumIEEE(block[:len(block)-4]))
	lie := func(size string) []byte {
		b := bytes.Clone(good)
		at := bytes.Index(b, []byte("control.tar"))
		copy(b[at+48:at+58], fmt.Sprintf("%-10s", size))
		return b
	}
	return []Package{
		{"empty", nil},
		{"wrong magic", append([]byte("!<arsh>\n"), good[8:]...)},
		{"thin archive", append([]byte("!<thin>\n"), good[8:]...)},
		{"nothing in it", Ar()},
		{"no debian-binary", Ar(control, data)},
		{"debian-binary without end", Ar(Member{"debian-binary", bytes.Repeat([]byte("2"), 1000)}, control, data)},
		{"no control.tar", Ar(version, data)},
		{"no data.tar", Ar(version, control)},
		{"wrong order", Ar(version, data, control)},
		{"control.tar twice", Ar(version, control, control, data)},
		{"data.tar twice", Ar(version, control, data, data)},
		{"another member before data.tar", Ar(version, control, Member{"evil", nil}, data)},
		{"trailing text", append(bytes.Clone(good), "trailing text\n"...)},
		{"trailing member header of garbage", append(bytes.Clone(good), bytes.Repeat([]byte("g"), 60)...)},
		{"size too small", lie("512")},
		{"size too large", lie("9999999999")},
		{"size negative", lie("-1")},
		{"size no number", lie("0x200")},
		{"cut off in a header", good[:90]},
		{"cut off in data.tar", good[:len(good)-2000]},
		{"xz cut off", Ar(version, control, Member{"data.tar.xz", xz[:len(xz)/2]})},
		{"xz without its end", Ar(version, control, Member{"data.tar.xz", xz[:len(xz)-12]})},
		{"xz damaged", Ar(version, control, Member{"data.tar.xz", flipped})},
		{"xz with garbage behind", Ar(version, control, Member{"data.tar.xz", append(bytes.Clone(xz), "garbage behind"...)})},
		{"xz of a dictionary of 4 GiB", Ar(version, control, Member{"data.tar.xz", greedy})},
		{"gzip that is xz", Ar(version, control, Member{"data.tar.gz", xz})},
		{"zstd of a window of 2 GiB", Ar(version, control, Member{"data.tar.zst", []byte{0x28, 0xb5, 0x2f, 0xfd, 0x00, 0xa8, 0x01, 0x00, 0x00}})},
		{"compression that is not known", Ar(version, control, Member{"data.tar.lzma", nil})},
		{"data.tar is text", Ar(version, control, Member{"data.tar", bytes.Repeat([]byte("text"), 300)})},
	}
}

// hostileControls have a control.tar that says something else than one package.
func hostileControls(t testing.TB) []Package {
	t.Helper()
	version, data := Member{"debian-binary", []byte("2.0\n")}, Member{"data.tar", Tar(t, nil)}
	withControl := func(c []byte) []byte { return Ar(version, Member{"control.tar", c}, data) }
	text2 := func(name, body string) []byte {
		return withControl(Tar(t, map[string]string{"./control": hostileControl, name: body}, tar.Header{Name: "./control"},
			tar.Header{Name: name}))
	}
	alone := func(body string) []byte {
		return withControl(Tar(t, map[string]string{"./control": body}, tar.Header{Name: "./control"}))
	}
	return []Package{
		{"control twice", text2("control", hostileControl)},
		{"control of two packages", alone(hostileControl + "\nPackage: evil\n")},
		{"control of two packages, blanks between", alone(hostileControl + " \t\nPackage: evil\n")},
		{"control that is not UTF-8", alone(hostileControl + "Maintainer: \xff\n")},
		{"control with an escape", alone(hostileControl + "Maintainer: \x1b[2J\n")},
		{"control without fields", alone("text\n")},
		{"control empty", alone("")},
		{"control a link", withControl(Tar(t, nil, tar.Header{Name: "./control", Typeflag: tar.TypeSymlink, Linkname: "/etc/shadow"}))},
		{"md5sums of something else", text2("./md5sums", "text\n")},
	}
}

// bombs are small and unpack to more than any limit.
func bombs(t testing.TB) []Package {
	t.Helper()
	version := Member{"debian-binary", []byte("2.0\n")}
	control := Member{"control.tar", Tar(t, map[string]string{"./control": hostileControl}, tar.Header{Name: "./control"})}
	many := func(suffix string, first []byte, piece, times int) []byte {
		// All three formats may be written piece by piece, so one piece is made and repeated.
		return append(Compress(t, suffix, first), bytes.Repeat(Compress(t, suffix, make([]byte, piece)), times)...)
	}
	header := Tar(t, nil, tar.Header{Name: "./0000000"})[:512]
	var entries bytes.Buffer
	for n := range 200_001 {
		copy(header[2:], fmt.Sprintf("%07d", n))
		entries.Write(sum(header))
	}
	bomb := func(suffix string) Package {
		return Package{"bomb in control.tar" + suffix, Ar(version, Member{"control.tar" + suffix, many(suffix, control.Data, 1<<20, 21)})}
	}
	return []Package{
		bomb(".gz"), bomb(".xz"), bomb(".zst"),
		{"bomb in data.tar.gz", Ar(version, control, Member{"data.tar.gz", many(".gz", Tar(t, nil), 32<<20, 33)})},
		{"bomb in data.tar.zst", Ar(version, control, Member{"data.tar.zst", many(".zst", Tar(t, nil), 32<<20, 33)})},
		{"more entries than any package", Ar(version, control, Member{"data.tar.zst", Compress(t, ".zst", entries.Bytes())})},
	}
}
