package tools

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/strata-buildpacks/strata/buildpacks/java/project"
	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fetch"
	"github.com/strata-buildpacks/strata/buildpacks/kit/tool"
	"github.com/strata-buildpacks/strata/buildpacks/kit/tree"
)

// mavenSettings returns the settings.xml that the user gives, and its path; nothing if there is none. The one of BP_MAVEN_SETTINGS_PATH
// goes before that of a binding of type maven.
func mavenSettings(in bp.Workspace, p project.Project) (project.MavenSettings, string, error) {
	var s project.MavenSettings
	file, name := p.MavenSettings, "BP_MAVEN_SETTINGS_PATH"
	if file != "" && !filepath.IsAbs(file) {
		root, err := os.OpenRoot(in.AppDir)
		if err != nil {
			return s, "", err
		}
		defer root.Close()
		data, err := tree.ReadIn(root, file)
		if err != nil {
			return s, "", fault.Fault{ID: "java-maven-settings", What: fmt.Sprintf("%s is %q, which cannot be read", name, file),
				Err: fault.WithoutPath(err), Do: "name a file by its path within the app, or one of a binding by its whole path"}
		}
		s, err = project.ReadMavenSettings(file, data)
		return s, filepath.Join(in.AppDir, file), err
	}
	if file == "" {
		binding, found, err := in.Binding("maven")
		if err != nil || !found {
			return s, "", err
		}
		file, name = filepath.Join(binding.Path, "settings.xml"), "binding "+binding.Name+" of type maven"
	}
	data, err := tree.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return s, "", fault.Fault{ID: "java-maven-settings", What: name + " has no settings.xml",
			Do: "put the settings of Maven into a file of that name"}
	}
	if err == nil {
		s, err = project.ReadMavenSettings("settings.xml of "+name, data)
	}
	return s, file, err
}

// security returns the path of a settings-security.xml that is bound, "" for none.
func security(in bp.Workspace) (string, error) {
	binding, found, err := in.Binding("maven")
	if err != nil || !found {
		return "", err
	}
	file := filepath.Join(binding.Path, "settings-security.xml")
	if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) {
		return "", nil
	} else if err != nil {
		return "", err
	}
	return file, nil
}

// ours are the settings that stand below those of the user: what the environment says of mirrors and proxies, and what Maven's own file
// has, in whose place they are: nothing comes over plain http from another machine unless a mirror says so.
type ours struct {
	XMLName xml.Name     `xml:"settings"`
	Mirrors []oursMirror `xml:"mirrors>mirror"`
	Servers []oursServer `xml:"servers>server"`
	Proxies []oursProxy  `xml:"proxies>proxy"`
}

type oursMirror struct {
	ID      string `xml:"id"`
	Of      string `xml:"mirrorOf"`
	URL     string `xml:"url"`
	Blocked bool   `xml:"blocked,omitempty"`
}

type oursServer struct {
	ID       string `xml:"id"`
	User     string `xml:"username"`
	Password string `xml:"password"`
}

type oursProxy struct {
	ID       string `xml:"id"`
	Active   bool   `xml:"active"`
	Protocol string `xml:"protocol"`
	Host     string `xml:"host"`
	Port     string `xml:"port"`
	User     string `xml:"username,omitempty"`
	Password string `xml:"password,omitempty"`
	Not      string `xml:"nonProxyHosts"`
}

// mirrorID is the id of our mirror: that of the repository whose place it takes, as what is in the cache came from there. A bound
// settings.xml may have a login for it.
const mirrorID = "central"

// mirror adds our mirror, and the login that its address or a binding of type netrc has. Maven prints addresses, and no logins.
func (b *builder) mirror(s *ours) error {
	address, user, password, err := b.from.plain()
	if err != nil {
		return err
	}
	s.Mirrors = append(s.Mirrors, oursMirror{ID: mirrorID, Of: "central", URL: address.String()})
	if password != "" {
		s.Servers = append(s.Servers, oursServer{mirrorID, user, password})
		return nil
	}
	file, err := tool.Netrc(b.Workspace)
	if err != nil || file == "" || address.Scheme != "https" {
		return err
	}
	text, err := tree.ReadFile(file)
	if err != nil {
		return err
	}
	if user, password := fetch.Login(text, address.Host); password != "" {
		s.Servers = append(s.Servers, oursServer{mirrorID, user, password})
	}
	return nil
}

// writeSettings writes the settings that stand below those of the user, and returns the options that name both.
func (b *builder) writeSettings() ([]string, error) {
	user, file, err := mavenSettings(b.Workspace, b.project)
	if err != nil {
		return nil, err
	}
	var s ours
	if _, own := user.Central(); !own && b.Env[MirrorVariable] != "" {
		if err := b.mirror(&s); err != nil {
			return nil, err
		}
	}
	s.Mirrors = append(s.Mirrors, oursMirror{ID: "maven-default-http-blocker", Of: "external:http:*", URL: "http://0.0.0.0/", Blocked: true})
	for _, p := range proxies(b.Env) {
		s.Proxies = append(s.Proxies, oursProxy{ID: "strata-" + p.scheme, Active: true, Protocol: p.scheme, Host: p.host, Port: p.port,
			User: p.user, Password: p.password, Not: noProxy(b.Env)})
	}
	text, err := xml.MarshalIndent(s, "", " ")
	if err != nil {
		return nil, err
	}
	below := filepath.Join(b.home, "settings.xml")
	if err := os.WriteFile(below, text, 0o600); err != nil {
		return nil, fmt.Errorf("writing the settings of Maven: %w", err)
	}
	if file == "" { // those that .mvn/maven.config names, or another HOME has, are not the user's
		file = filepath.Join(b.home, "user.xml")
		if err := os.WriteFile(file, []byte("<settings/>\n"), 0o600); err != nil {
			return nil, fmt.Errorf("writing the settings of Maven: %w", err)
		}
	} else {
		b.Log.Decision("Settings", filepath.Base(file), "")
	}
	options := []string{"--global-settings", below, "--settings", file}
	secrets, err := security(b.Workspace)
	if secrets != "" {
		options = append(options, "-Dsettings.security="+secrets)
	}
	return options, err
}
