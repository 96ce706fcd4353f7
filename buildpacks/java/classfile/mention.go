package classfile

import "strings"

// Mentions calls yield with each text that may name a class with its package, or a package, in a text of a constant pool: in names,
// descriptors and signatures ("(ILjava/util/List<TT;>;)V"), and in strings that a class may be loaded by ("java.sql.Driver"). Names have
// slashes. One may come more than once, and most strings name nothing that is there.
func Mentions(text string, yield func(name string)) {
	start, separated := -1, false
	for i := 0; i <= len(text); i++ {
		if i < len(text) && partOf(text[i]) {
			if start < 0 {
				start, separated = i, false
			}
			separated = separated || text[i] == '/' || text[i] == '.'
			continue
		}
		if start >= 0 && separated {
			word := strings.ReplaceAll(text[start:i], ".", "/")
			yield(word)
			// Of a descriptor, letters of other types may stand before the class.
			if at := strings.IndexByte(word, 'L'); at >= 0 && strings.Trim(word[:at], "BCDFIJSZV") == "" {
				yield(word[at+1:])
			}
		}
		start = -1
	}
}

// partOf reports whether a byte may be part of a name with its package.
func partOf(b byte) bool {
	return 'a' <= b && b <= 'z' || 'A' <= b && b <= 'Z' || '0' <= b && b <= '9' || b == '_' || b == '$' || b == '/' || b == '.' || b >= 0x80
}
