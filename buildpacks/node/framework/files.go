package framework

import (
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/node/project"
)

// Files is what a server of files serves.
type Files struct {
	Dir        string // relative to the folder in which the server is started
	SinglePage bool   // paths that are no files are answered with the page at /
}

// fileServer is a program of a package that serves a folder of files.
type fileServer struct {
	program string
	values  []string // options that take the next word
	single  []string // options for an app of a single page
	other   []string // options with which it does more than serve files, as they begin
	dir     string   // option that names the folder; "" for an argument
}

var fileServers = []fileServer{
	{
		program: "serve", values: []string{"-l", "--listen", "-p", "--port"}, single: []string{"-s", "--single"},
		other: []string{"-c", "--config", "--ssl"},
	},
	{
		program: "http-server", values: []string{"-p", "--port", "-a", "-c", "-e", "--ext", "-t", "-U", "--log-ip", "--mimetypes"},
		other: []string{"-P", "--proxy", "-S", "--tls", "--ssl", "-b", "--username", "--password", "--base-dir"},
	},
	{program: "sirv", values: []string{"-p", "--port", "-H", "--host", "-m", "--maxage", "-L", "--logs"}, single: []string{"-s", "--single"}},
	{program: "live-server", single: []string{"--entry-file=index.html"}, other: []string{"--proxy", "--mount", "--https", "--middleware"}},
	{program: "lite-server", dir: "--baseDir", other: []string{"-c", "--config"}},
	{program: "static-server", values: []string{"-p", "--port", "-i", "--index"}, other: []string{"-n", "-f"}},
}

// Serves reads the command of a server that does nothing but serve a folder of files.
func Serves(words []string) (Files, bool) {
	words = words[project.Runner(words):]
	i := slices.IndexFunc(fileServers, func(s fileServer) bool { return len(words) > 0 && s.program == words[0] })
	if i < 0 {
		return Files{}, false
	}
	return fileServers[i].read(words[1:])
}

func (s fileServer) read(words []string) (Files, bool) {
	var f Files
	for i := 0; i < len(words); i++ {
		name, value, joined := strings.Cut(words[i], "=")
		switch {
		case slices.ContainsFunc(s.other, func(begin string) bool { return strings.HasPrefix(words[i], begin) }):
			return Files{}, false
		case slices.Contains(s.single, words[i]):
			f.SinglePage = true
		case s.dir != "" && name == s.dir && joined:
			f.Dir = value
		case s.dir != "" && name == s.dir && i+1 < len(words):
			i++
			f.Dir = words[i]
		case slices.Contains(s.values, words[i]):
			i++
		case strings.HasPrefix(words[i], "-"):
		case f.Dir != "" || s.dir != "":
			return Files{}, false
		default:
			f.Dir = words[i]
		}
	}
	return f, true
}
