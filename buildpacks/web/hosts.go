package web

import (
	"encoding/json"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fields"
	"github.com/strata-buildpacks/strata/buildpacks/kit/tree"
)

// said is what a file for a host of sites says.
type said struct {
	File       string   // that says it, relative to the app
	Root       string   // folder that is served, "" if the file does not say it
	SinglePage bool     // paths that are no files are answered with the page at /
	Unread     []string // settings that mean nothing to the server here
}

// host is a file that tells a host of sites what to serve.
type host struct {
	name string
	read func(name string, data []byte) (said, error)
}

// hosts are the files that are read. No visitor of a site asks for them.
var hosts = []host{
	{"Staticfile", staticfile},
	{"static.json", staticJSON},
	{"_redirects", redirects},
	{"netlify.toml", netlify},
	{"vercel.json", vercel},
	{"firebase.json", firebase},
	{"project.toml", project},
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
			data, err := tree.ReadFile(filepath.Join(app, name))
			if err != nil {
				return nil, err
			}
			s, err := h.read(name, data)
			if err != nil {
				return nil, err
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
func staticfile(name string, data []byte) (said, error) {
	file, err := fields.YAML(name, data)
	return said{Root: file.Text("root"), SinglePage: file.Text("pushstate") == "enabled" || file.True("pushstate")}, err
}

// staticJSON reads a static.json (Heroku's buildpack for static sites).
func staticJSON(name string, data []byte) (said, error) {
	file, err := fields.JSON(name, data)
	return said{Root: file.Text("root"), SinglePage: isPage(file.Object("routes").Text("/**"))}, err
}

// redirects reads a _redirects file (Netlify's documentation, "Redirects and rewrites"). Only a rewrite of every path counts.
func redirects(_ string, data []byte) (said, error) {
	var s said
	for line := range strings.Lines(string(data)) {
		words := strings.Fields(line)
		if len(words) >= 3 && words[0] == "/*" && isPage(words[1]) && strings.TrimSuffix(words[2], "!") == "200" {
			s.SinglePage = true
		}
	}
	return s, nil
}

// netlify reads a netlify.toml (Netlify's documentation, "File-based configuration").
func netlify(name string, data []byte) (said, error) {
	file, err := readTOML(name, data)
	s := said{Root: file.Object("build").Text("publish")}
	for _, r := range objects(file["redirects"]) {
		s.SinglePage = s.SinglePage || r.Text("from") == "/*" && isPage(r.Text("to")) && r.Text("status") == "200"
	}
	return s, err
}

// readTOML reads a file in TOML as one in JSON.
func readTOML(name string, data []byte) (fields.Object, error) {
	var all map[string]any
	err := toml.Unmarshal(data, &all)
	if err == nil {
		data, err = json.Marshal(all) // which has no nan and inf
	}
	if err != nil {
		return nil, fault.Fault{ID: "web-host", What: "reading " + name, Err: err, Do: "correct the file, or remove it"}
	}
	return fields.JSON(name, data)
}

// project reads what a project.toml says to Heroku's server (Heroku's "Static Web Server Cloud Native Buildpack").
func project(name string, data []byte) (said, error) {
	file, err := readTOML(name, data)
	server := file.Object("com").Object("heroku").Object("static-web-server")
	missing := server.Object("errors").Object("404")
	s := said{Root: server.Text("root"), SinglePage: isPage(missing.Text("file_path")) && missing.Text("status") == "200"}
	for _, key := range slices.Sorted(maps.Keys(server)) {
		if key != "root" && (key != "errors" || !s.SinglePage) {
			s.Unread = append(s.Unread, key)
		}
	}
	return s, err
}

// vercel reads a vercel.json (Vercel's documentation, "Project configuration").
func vercel(name string, data []byte) (said, error) {
	file, err := fields.JSON(name, data)
	return said{Root: file.Text("outputDirectory"), SinglePage: rewritten(file)}, err
}

// firebase reads a firebase.json (Firebase's documentation, "Configure Hosting behavior"). One that has several sites says nothing.
func firebase(name string, data []byte) (said, error) {
	file, err := fields.JSON(name, data)
	one := file.Object("hosting")
	return said{Root: one.Text("public"), SinglePage: rewritten(one)}, err
}

// everything are the patterns of hosts that match every path.
var everything = []string{"/(.*)", "(.*)", "/.*", "/:path*", "/:match*", "**", "/**"}

// rewritten reports whether every path is answered with the page at /.
func rewritten(site fields.Object) bool {
	return slices.ContainsFunc(objects(site["rewrites"]), func(r fields.Object) bool {
		return slices.Contains(everything, r.Text("source")) && isPage(r.Text("destination"))
	})
}

// objects returns the objects in a list, none for any other value.
func objects(value json.RawMessage) []fields.Object {
	var list []fields.Object
	if err := json.Unmarshal(value, &list); err != nil {
		return nil
	}
	return list
}

// isPage reports whether a target is the page at /.
func isPage(target string) bool { return target == "/" || strings.TrimPrefix(target, "/") == index }
