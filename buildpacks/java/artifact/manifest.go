package artifact

import (
	"bytes"
	"regexp"
	"strings"
)

const manifestName = "META-INF/MANIFEST.MF"

// manifest has the attributes of the main section of a MANIFEST.MF, in its order. Names are compared without regard to case.
type manifest []attribute

type attribute struct{ name, value string }

// longestName is how many letters the name of an attribute may have: a line has no more.
const longestName = 68

// attributeName matches the names of attributes.
var attributeName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]*$`)

// readManifest reads the main section, as the JAR specification has it: lines end with CR LF, LF or CR, one that begins with a space
// continues the one before, and an empty one ends the section. Of two attributes of a name the last one counts, as with Java. A line that
// is no attribute is passed over.
func readManifest(data []byte) manifest {
	var m manifest
	passed := false
	text := strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(string(data))
	for line := range strings.SplitSeq(text, "\n") {
		if line == "" {
			break
		}
		if more, continued := strings.CutPrefix(line, " "); continued {
			if len(m) > 0 && !passed {
				m[len(m)-1].value += more
			}
			continue
		}
		name, value, found := strings.Cut(line, ":")
		if passed = !found || len(name) > longestName || !attributeName.MatchString(name); passed {
			continue
		}
		m = append(m, attribute{name, strings.TrimPrefix(value, " ")})
	}
	return m
}

// get returns the value of an attribute, "" if there is none.
func (m manifest) get(name string) string {
	value := ""
	for _, a := range m {
		if strings.EqualFold(a.name, name) {
			value = strings.TrimSpace(a.value)
		}
	}
	return value
}

// without returns the manifest without attributes.
func (m manifest) without(names ...string) manifest {
	var rest manifest
next:
	for _, a := range m {
		for _, name := range names {
			if strings.EqualFold(a.name, name) {
				continue next
			}
		}
		rest = append(rest, a)
	}
	return rest
}

// maxLine is how many bytes a line of a manifest may have without its end.
const maxLine = 70

// text returns the manifest as a file. Lines are broken as Java does it.
func (m manifest) text() []byte {
	var b bytes.Buffer
	for _, a := range m {
		line := a.name + ": " + a.value
		for len(line) > maxLine {
			b.WriteString(line[:maxLine] + "\r\n")
			line = " " + line[maxLine:]
		}
		b.WriteString(line + "\r\n")
	}
	b.WriteString("\r\n")
	return b.Bytes()
}
