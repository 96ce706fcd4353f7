package linkage

import (
	"path"
	"slices"
	"strings"
)

// interpreter is a program that is given the file of a script, and how its arguments are read.
type interpreter struct {
	suffixes []string // that it tries behind the name of a file, and behind index in a folder
	before   string   // a word that may stand before the file
	inline   []string // options with which no file is named
	values   []string // options that take the next word
	files    []string // options that take the next word as a file where it is a path
}

var interpreters = map[string]interpreter{
	"node": {
		suffixes: []string{".js", ".json", ".node"},
		inline:   strings.Fields("-e --eval -p --print -i --interactive --test --run -v --version -h --help --build-sea"),
		values: strings.Fields("-C --conditions --env-file-if-exists --title --input-type --icu-data-dir --openssl-config --inspect-port " +
			"--unhandled-rejections --disable-warning --dns-result-order --redirect-warnings --diagnostic-dir --watch-path --stack-trace-limit"),
		files: strings.Fields("-r --require --import --loader --experimental-loader --env-file"),
	},
	"bun": {
		suffixes: []string{".tsx", ".jsx", ".ts", ".mjs", ".js", ".cjs", ".json"}, before: "run",
		inline: strings.Fields("-e --eval -p --print --cwd"),
		values: strings.Fields("--conditions --port --define -d --config -c --env-file"),
		files:  strings.Fields("--preload -r --require --import"),
	},
	"python":  {inline: strings.Fields("-c -m -V --version"), values: strings.Fields("-W -X")},
	"python3": {inline: strings.Fields("-c -m -V --version"), values: strings.Fields("-W -X")},
	"ruby":    {inline: strings.Fields("-e -S -v --version"), values: strings.Fields("-C -E -I -r")},
	"perl":    {inline: strings.Fields("-e -E -v"), values: strings.Fields("-I")},
	"php":     {inline: strings.Fields("-r -S -a -v"), values: strings.Fields("-c -d -z")},
}

// script looks for the files that an interpreter is told to read: those of its options, and the script.
func (s start) script(words []string) *problem {
	known, ok := interpreters[path.Base(words[0])]
	if !ok {
		return nil
	}
	name := path.Base(words[0])
	args := words[1:]
	doubtful := false // whether the last option may take the next word
	for k := 0; k < len(args); k++ {
		word := args[k]
		option, value, joined := strings.Cut(word, "=")
		switch {
		case word == "-" || slices.Contains(known.inline, option):
			return nil
		case slices.Contains(known.values, option) || slices.Contains(known.files, option):
			if !joined {
				k++
			}
			if k < len(args) && !joined {
				value = args[k]
			}
			if slices.Contains(known.files, option) {
				known.suffixes = append(slices.Clone(known.suffixes), hooked...)
				if p := s.option(name, option, value, known); p != nil {
					return p
				}
			}
			doubtful = false
		case strings.HasPrefix(word, "-"):
			doubtful = !joined && word != "--"
		case word == known.before:
			known.before = ""
		case known.before != "" || name == "bun":
			if strings.ContainsAny(word, "./") {
				return s.file(name, word, args[k+1:], doubtful, known)
			}
			return nil // a script of package.json
		default:
			return s.file(name, word, args[k+1:], doubtful, known)
		}
	}
	return nil
}

// hooked are further suffixes where what an option names may teach an interpreter to read other files.
var hooked = []string{".ts", ".tsx", ".mts", ".cts", ".mjs"}

// option looks for the file that an option names by its path.
func (s start) option(name, option, value string, known interpreter) *problem {
	if option != "--env-file" && !strings.HasPrefix(value, "./") && !strings.HasPrefix(value, "../") && !path.IsAbs(value) {
		return nil // a package
	}
	if value == "" || s.readable(value, known) {
		return nil
	}
	p := s.missing(name+" "+option, value)
	if option == "--env-file" {
		p.do = "write --env-file-if-exists, or see why the file is not part of the app"
	}
	return p
}

// file looks for the script. Behind an option that is not known, a word that is no file is passed over if a later one is.
func (s start) file(name, word string, later []string, doubtful bool, known interpreter) *problem {
	if s.readable(word, known) ||
		doubtful && slices.ContainsFunc(later, func(other string) bool { return s.readable(other, known) }) {
		return nil
	}
	return s.missing(name, word)
}

func (s start) missing(by, file string) *problem {
	what := "starts " + by + " with the file " + file + ", which the image does not have"
	if near := s.near(s.in(file)); near != "" {
		return &problem{what, "write " + near + ", which is there"}
	}
	return &problem{what, unknown}
}

// readable reports whether an interpreter may find a file. What cannot be looked at may be there.
func (s start) readable(word string, known interpreter) bool {
	f := s.resolve(s.in(word))
	if slices.Contains(s.given, word) || f.place != nowhere && !f.mode.IsDir() {
		return true
	}
	for _, suffix := range known.suffixes {
		if f := s.resolve(s.in(word + suffix)); f.place != nowhere && !f.mode.IsDir() {
			return true
		}
		if s.resolve(path.Join(s.in(word), "index"+suffix)).place != nowhere {
			return true
		}
	}
	for _, main := range []string{"package.json", "__main__.py"} {
		if s.resolve(path.Join(s.in(word), main)).place != nowhere {
			return true
		}
	}
	return false
}
