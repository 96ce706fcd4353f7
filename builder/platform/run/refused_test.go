package run

import (
	"bytes"
	"strings"
	"testing"
)

// TestShellless reads what programs say of a shell that is not there.
func TestShellless(t *testing.T) {
	t.Parallel()
	for line, told := range map[string]bool{
		"FileNotFoundError: [Errno 2] No such file or directory: '/bin/sh'":                     true,
		"Error: spawn /bin/sh ENOENT":                                                           true,
		"fork/exec /bin/bash: no such file or directory":                                        true,
		`java.io.IOException: Cannot run program "/bin/sh": error=2, No such file or directory`: true,
		"No such file or directory - /bin/sh (Errno::ENOENT)":                                   true,
		"running /bin/sh": false,
		"FileNotFoundError: [Errno 2] No such file or directory: '/usr/bin/shred'": false,
		"open /usr/bin/shutdown: no such file or directory":                        false,
	} {
		var notes []string
		w := Watch(&bytes.Buffer{}, func(text string) { notes = append(notes, text) })
		if _, err := w.Write([]byte(line + "\n")); err != nil {
			t.Fatal(err)
		}
		if got := len(notes) == 1 && strings.Contains(notes[0], "--run-image strata/run-glibc-debug:13"); got != told || len(notes) > 1 {
			t.Errorf("%s: told of %q", line, notes)
		}
	}
}

// TestRefusals reads what programs say of files that they may not write.
func TestRefusals(t *testing.T) {
	t.Parallel()
	for line, told := range map[string]bool{
		"Error: EACCES: permission denied, mkdir 'uploads'":                      true,
		"  [cause]: Error: EACCES: permission denied, open '/workspace/data.db'": true,
		"open data.db: permission denied":                                        true,
		"PermissionError: [Errno 13] Permission denied: 'cache'":                 true,
		"SqliteError: unable to open database file":                              true,
		"SQLITE_READONLY: attempt to write a readonly database":                  true,
		"mkdir /var/lib/app: permission denied":                                  false,
		"open '/workspaces/data.db': permission denied":                          false,
		"listen tcp :80: bind: permission denied":                                false,
		"connect EACCES /var/run/docker.sock":                                    false,
		"Error: spawn ./tool EACCES":                                             false,
		"started":                                                                false,
		strings.Repeat("x", maxLine) + " open data.db: permission denied":        false, // nobody reads such lines
	} {
		var notes []string
		var out bytes.Buffer
		w := Watch(&out, func(text string) { notes = append(notes, text) })
		text := "before\n" + line + "\nafter"
		for i := range text { // in the smallest pieces
			if n, err := w.Write([]byte{text[i]}); n != 1 || err != nil {
				t.Fatal(n, err)
			}
		}
		if out.String() != text {
			t.Errorf("passed on %q, want %q", &out, text)
		}
		if want := map[bool]int{true: 1}[told]; len(notes) != want {
			t.Errorf("%s: told of %q, want %d notes", line, notes, want)
		}
		if told && (!strings.Contains(notes[0], "/workspace") || !strings.Contains(notes[0], "BP_WRITABLE_FOLDERS")) {
			t.Errorf("the note %q names no cause", notes[0])
		}
	}
}
