package seccomp_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/strata-buildpacks/strata/buildpacks/kit/seccomp"
)

// TestText writes a profile and reads it again, for each architecture.
func TestText(t *testing.T) {
	t.Parallel()
	for arch, want := range map[string]string{
		"amd64": `{"defaultAction":"SCMP_ACT_ERRNO","architectures":["SCMP_ARCH_X86_64"],` +
			`"syscalls":[{"names":["close","read"],"action":"SCMP_ACT_ALLOW"}]}`,
		"arm64": `{"defaultAction":"SCMP_ACT_ERRNO","architectures":["SCMP_ARCH_AARCH64"],` +
			`"syscalls":[{"names":["close","read"],"action":"SCMP_ACT_ALLOW"}]}`,
	} {
		profile := seccomp.Profile{Arch: arch, Calls: []string{"close", "read"}}
		text, err := profile.Text()
		if err != nil || text != want {
			t.Errorf("%s: %s, %v", arch, text, err)
		}
		read, err := seccomp.Parse(text)
		if diff := cmp.Diff(profile, read); err != nil || diff != "" {
			t.Errorf("%s: %v (-want +got):\n%s", arch, err, diff)
		}
	}
}

// TestParse refuses what is no list of calls that may be allowed.
func TestParse(t *testing.T) {
	t.Parallel()
	text := `{"defaultAction":"SCMP_ACT_ERRNO","architectures":["SCMP_ARCH_X86_64"],"syscalls":[{"names":["read"],"action":"SCMP_ACT_ALLOW"}]}`
	for was, is := range map[string]string{
		"{\"d":            "[",
		"SCMP_ACT_ERRNO":  "SCMP_ACT_ALLOW",
		"SCMP_ACT_ALLOW":  "SCMP_ACT_NOTIFY",
		"SCMP_ARCH_X86_6": "SCMP_ARCH_X32_6",
		"read":            "mount",
		"X86_64\"":        "X86_64\",\"SCMP_ARCH_X86\"",
		"syscalls":        "system",
		"\"read\"":        strings.Repeat("\"read\",", 10_000) + "\"read\"",
		"d\"],\"a":        "x\"],\"a",
	} {
		changed := strings.Replace(text, was, is, 1)
		if changed == text {
			t.Fatalf("%s is not in the text", was)
		}
		if profile, err := seccomp.Parse(changed); err == nil {
			t.Errorf("%.200s is %+v", changed, profile)
		}
	}
}

// TestLists holds the lists of calls to those that there are.
func TestLists(t *testing.T) {
	t.Parallel()
	for _, call := range seccomp.Engine {
		if !seccomp.Known("amd64", call) {
			t.Errorf("nobody knows the call %s, which engines make", call)
		}
		if profile, err := seccomp.Parse(`{"defaultAction":"SCMP_ACT_ERRNO","architectures":["SCMP_ARCH_X86_64"],"syscalls":[{"names":["` + call +
			`"],"action":"SCMP_ACT_ALLOW"}]}`); err != nil {
			t.Errorf("a profile cannot allow %s: %v, %v", call, profile, err)
		}
	}
	if name, known := seccomp.Name("arm64", 63); name != "read" || !known {
		t.Errorf("the call 63 of arm64 is %q", name)
	}
	if name, known := seccomp.Name("amd64", 4000); known {
		t.Errorf("the call 4000 is %s", name)
	}
}

// FuzzParse reads the labels of images. What is a profile is written and read again the same.
func FuzzParse(f *testing.F) {
	f.Add(`{"defaultAction":"SCMP_ACT_ERRNO","architectures":["SCMP_ARCH_X86_64"],"syscalls":[{"names":["read"],"action":"SCMP_ACT_ALLOW"}]}`)
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
