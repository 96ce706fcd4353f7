package web

import (
	"bufio"
	"bytes"
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"
	"go.yaml.in/yaml/v3"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/tree"
)

// said is what a file for a host of sites says.
type said struct {
	File       string // that says it, relative to the app
	Root       string // folder that is served, "" if the file does not say it
	SinglePage bool   // paths that are no files are answered with the page at /
}

// host is a file that tells a host of sites what to serve.
type host struct {
	name string
	read func(data []byte) (said, error)
}

// hosts are the files that are read. No visitor of a site asks for them.
var hosts = []host{
	{"Staticfile", staticfile},
	{"static.json", staticJSON},
	{"_redirects", redirects},
	{"netlify.toml", netlify},
	{"vercel.json", vercel},
	{"firebase.json", firebase},
}

// hear reads the files for hosts in some folders of an app.
func hear(app string, folders ...string) ([]said, error) {
	var all []said
	for _, folder := range folders {
		for _, h := range hosts {
			name := filepath.Join(folder, h.name)
			if !isFile(filepath.Join(app, name)) {
				continue
			}
			var s said
			data, err := tree.ReadFile(filepath.Join(app, name))
			if err == nil {
				s, err = h.read(data)
			}
			if err != nil {
				return nil, fault.Fault{ID: "web-host", What: "reading " + name, Err: err, Do: "correct the file, or remove it"}
			}
			if s.Root != "" {
				s.Root = filepath.Join(folder, s.Root)
			}
			if s.Root != "" && !filepath.IsLocal(s.Root) {
				what := name + " serves " + s.Root + ", which is outside of the app"
				return nil, fault.Fault{ID: "web-root", What: what, Do: "name a folder of the app"}
			}
			s.File = name
			all = append(all, s)
		}
	}
	return all, nil
}

// staticfile reads a Staticfile (Cloud Foundry's documentation, "Staticfile buildpack").
func staticfile(data []byte) (said, error) {
	var file struct{ Root, Pushstate string }
	err := yaml.Unmarshal(data, &file)
	return said{Root: file.Root, SinglePage: file.Pushstate == "enabled" || file.Pushstate == "true"}, err
}

// staticJSON reads a static.json (Heroku's buildpack for static sites).
func staticJSON(data []byte) (said, error) {
	var file struct {
		Root   string
		Routes map[string]any
	}
	err := json.Unmarshal(data, &file)
	target, _ := file.Routes["/**"].(string)
	return said{Root: file.Root, SinglePage: isPage(target)}, err
}

// redirects reads a _redirects file (Netlify's documentation, "Redirects and rewrites"). Only a rewrite of every path counts.
func redirects(data []byte) (said, error) {
	lines := bufio.NewScanner(bytes.NewReader(data))
	var s said
	for lines.Scan() {
		words := strings.Fields(lines.Text())
		if len(words) >= 3 && words[0] == "/*" && isPage(words[1]) && strings.TrimSuffix(words[2], "!") == "200" {
			s.SinglePage = true
		}
	}
	return s, lines.Err()
}

// netlify reads a netlify.toml (Netlify's documentation, "File-based configuration").
func netlify(data []byte) (said, error) {
	var file struct {
		Build     struct{ Publish string }
		Redirects []struct {
			From, To string
			Status   int
		}
	}
	err := toml.Unmarshal(data, &file)
	s := said{Root: file.Build.Publish}
	for _, r := range file.Redirects {
		s.SinglePage = s.SinglePage || r.From == "/*" && isPage(r.To) && r.Status == 200
	}
	return s, err
}

// everything are the patterns of hosts that match every path.
var everything = []string{"/(.*)", "(.*)", "/.*", "/:path*", "/:match*", "**", "/**"}

type rewrite struct {
	Source      string
	Destination any
}

func single(rewrites []rewrite) bool {
	return slices.ContainsFunc(rewrites, func(r rewrite) bool {
		target, _ := r.Destination.(string)
		return slices.Contains(everything, r.Source) && isPage(target)
	})
}

// vercel reads a vercel.json (Vercel's documentation, "Project configuration").
func vercel(data []byte) (said, error) {
	var file struct {
		OutputDirectory string
		Rewrites        []rewrite
	}
	err := json.Unmarshal(data, &file)
	return said{Root: file.OutputDirectory, SinglePage: single(file.Rewrites)}, err
}

// firebase reads a firebase.json (Firebase's documentation, "Configure Hosting behavior"). One that has several sites says nothing.
func firebase(data []byte) (said, error) {
	var file struct{ Hosting json.RawMessage }
	if err := json.Unmarshal(data, &file); err != nil {
		return said{}, err
	}
	var one struct {
		Public   string
		Rewrites []rewrite
	}
	if len(file.Hosting) == 0 || json.Unmarshal(file.Hosting, &one) != nil {
		return said{}, nil
	}
	return said{Root: one.Public, SinglePage: single(one.Rewrites)}, nil
}

// isPage reports whether a target is the page at /.
func isPage(target string) bool { return target == "/" || strings.TrimPrefix(target, "/") == index }
