package seccomp_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/strata-buildpacks/strata/buildpacks/kit/seccomp"
)

// textOf returns the text of a profile with some calls.
func textOf(t testing.TB, arch string, names ...string) string {
	t.Helper()
	text, err := seccomp.Profile{Arch: arch, Calls: names}.Text()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// TestText writes a profile and reads it again, for each architecture.
func TestText(t *testing.T) {
	t.Parallel()
	for arch, want := range map[string]string{
		"amd64": `{"defaultAction":"SCMP_ACT_ERRNO","architectures":["SCMP_ARCH_X86_64"],` +
			`"syscalls":[{"names":["close","read"],"action":"SCMP_ACT_ALLOW"}]}`,
		"arm64": `{"defaultAction":"SCMP_ACT_ERRNO","architectures":["SCMP_ARCH_AARCH64"],` +
			`"syscalls":[{"names":["close","read"],"action":"SCMP_ACT_ALLOW"}]}`,
	} {
		if text := textOf(t, arch, "close", "read"); text != want {
			t.Errorf("%s: %s", arch, text)
		}
		profile := seccomp.Profile{Arch: arch, Calls: append(seccomp.Engine(arch), "writev")}
		read, err := seccomp.Parse(textOf(t, arch, profile.Calls...))
		if diff := cmp.Diff(profile, read); err != nil || diff != "" {
			t.Errorf("%s: %v (-want +got):\n%s", arch, err, diff)
		}
	}
}

// TestParse refuses what is no list of calls that may be allowed.
func TestParse(t *testing.T) {
	t.Parallel()
	text := textOf(t, "amd64", append([]string{"sync"}, seccomp.Engine("amd64")...)...)
	if _, err := seccomp.Parse(text); err != nil {
		t.Fatal(err)
	}
	for was, is := range map[string]string{
		"{\"d":            "[",
		"SCMP_ACT_ERRNO":  "SCMP_ACT_ALLOW",
		"SCMP_ACT_ALLOW":  "SCMP_ACT_NOTIFY",
		"SCMP_ARCH_X86_6": "SCMP_ARCH_X32_6",
		"sync":            "mount",
		"X86_64\"":        "X86_64\",\"SCMP_ARCH_X86\"",
		"syscalls":        "system",
		"\"sync\"":        strings.Repeat("\"sync\",", 10_000) + "\"sync\"",
		"\"read\",":       "",
		"\"openat\",":     "",
		"\"names\":[":     "\"names\":null,\"was\":[",
	} {
		changed := strings.Replace(text, was, is, 1)
		if changed == text {
			t.Fatalf("%s is not in the text", was)
		}
		if profile, err := seccomp.Parse(changed); err == nil {
			t.Errorf("%.200s is %+v", changed, profile)
		}
	}
	for _, text := range []string{textOf(t, "amd64"), textOf(t, "arm64"), textOf(t, "amd64", "read")} {
		if profile, err := seccomp.Parse(text); err == nil {
			t.Errorf("%s, which starts nothing, is %+v", text, profile)
		}
	}
}

// TestLists holds the lists of calls to those that there are, on both architectures.
func TestLists(t *testing.T) {
	t.Parallel()
	for arch, count := range map[string]int{"amd64": 41, "arm64": 40} {
		engine := seccomp.Engine(arch)
		if len(engine) != count {
			t.Errorf("%s: an engine makes %d calls, want %d", arch, len(engine), count)
		}
		for _, call := range engine {
			number, known := seccomp.Number(arch, call)
			if name, named := seccomp.Name(arch, number); !known || !named || name != call {
				t.Errorf("%s: the call %s, which engines make, is %d, which is %s", arch, call, number, name)
			}
			if slices.Contains(seccomp.Reserved, call) {
				t.Errorf("%s is refused, and engines make it", call)
			}
		}
	}
}

// TestName translates between numbers and the names of libseccomp, also where the library has others.
func TestName(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		arch   string
		number uint64
		want   string
	}{
		{"arm64", 63, "read"}, {"arm64", 79, "newfstatat"}, {"arm64", 244, ""}, {"amd64", 262, "newfstatat"}, {"amd64", 4000, ""},
		{"amd64", 1 << 32, ""}, {"riscv64", 63, ""},
	} {
		if name, known := seccomp.Name(test.arch, test.number); name != test.want && known || known != (test.want != "") {
			t.Errorf("%s: the call %d is %q, want %q", test.arch, test.number, name, test.want)
		}
	}
	text := textOf(t, "arm64", seccomp.Engine("arm64")...)
	old := strings.Replace(text, "newfstatat", "fstatat", 1)
	got, err := seccomp.Parse(old)
	if err != nil || old == text || !slices.Contains(got.Calls, "newfstatat") || slices.Contains(got.Calls, "fstatat") {
		t.Errorf("the name of the library is %+v, %v", got, err)
	}
	if number, known := seccomp.Number("arm64", "arch_specific_syscall"); known {
		t.Errorf("a free number is that of a call: %d", number)
	}
}

// FuzzParse reads the labels of images. What is a profile is written and read again the same.
func FuzzParse(f *testing.F) {
	f.Add(textOf(f, "amd64", seccomp.Engine("amd64")...))
	f.Fuzz(func(t *testing.T, text string) {
		profile, err := seccomp.Parse(text)
		if err != nil {
			return
		}
		written, err := profile.Text()
		if err != nil {
			t.Fatal(err)
		}
		if again, err := seccomp.Parse(written); err != nil || !cmp.Equal(profile, again) {
			t.Errorf("%q was %+v and is %+v, %v", text, profile, again, err)
		}
	})
}
