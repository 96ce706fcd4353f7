package project

import (
	"strings"
)

// MavenSettings is what a build reads of a settings.xml: where artefacts come from, and what changes what is built. It has secrets.
type MavenSettings struct {
	Mirrors []Mirror
	Build   string // profiles, and which are active, as a text; "" for none
	logins  map[string][2]string
}

// Mirror is a mirror of repositories.
type Mirror struct {
	ID      string
	Of      string // which repositories, as Maven writes it: "central", "*", "external:*,!own"
	Address string
}

// ReadMavenSettings reads a settings.xml. A fault names the file by the name that it is given.
func ReadMavenSettings(name string, data []byte) (MavenSettings, error) {
	root, err := parse(name, data)
	if err != nil {
		return MavenSettings{}, err
	}
	s := MavenSettings{logins: map[string][2]string{}}
	for _, one := range root.all("mirrors", "mirror") {
		s.Mirrors = append(s.Mirrors, Mirror{one.at("id").text, one.at("mirrorOf").text, one.at("url").text})
	}
	for _, one := range root.all("servers", "server") {
		s.logins[one.at("id").text] = [2]string{one.at("username").text, one.at("password").text}
	}
	for _, part := range []string{"profiles", "activeProfiles"} {
		s.Build += root.at(part).String()
	}
	return s, nil
}

// Central returns the mirror of Maven Central, if the settings have one.
func (s MavenSettings) Central() (Mirror, bool) {
	for _, wanted := range []func(of string) bool{
		func(of string) bool { return of == "central" },
		func(of string) bool {
			for one := range strings.SplitSeq(of, ",") {
				if strings.TrimSpace(one) == "!central" {
					return false
				}
			}
			first, _, _ := strings.Cut(of, ",")
			return first == "*" || first == "external:*" || strings.Contains(","+of+",", ",central,")
		},
	} {
		for _, m := range s.Mirrors {
			if m.Address != "" && wanted(m.Of) {
				return m, true
			}
		}
	}
	return Mirror{}, false
}

// Login returns the user and the password of a mirror, if they are there and not encrypted.
func (s MavenSettings) Login(id string) (user, password string) {
	both := s.logins[id]
	if strings.HasPrefix(both[1], "{") {
		return "", ""
	}
	return both[0], both[1]
}

// String returns the element as a text that is the same for the same content.
func (e *element) String() string {
	if e.name == "" {
		return ""
	}
	var b strings.Builder
	b.WriteString("<" + e.name + ">" + e.text)
	for _, one := range e.inner {
		b.WriteString(one.String())
	}
	b.WriteString("</>")
	return b.String()
}
