package compiler

import "github.com/strata-buildpacks/strata/buildpacks/kit/config"

// Variable is the variable by which a user switches hardening off. Buildpacks that compile declare it.
const Variable = "BP_NATIVE_HARDENING_ENABLED"

// Link is how programs are linked by calls that do not say it themselves. Shared libraries are linked as always.
type Link string

// What is linked to.
const (
	Dynamic   Link = ""           // the libraries that the run image and the image's layers have
	Static    Link = "static"     // no library, at a fixed address
	StaticPIE Link = "static-pie" // no library, at any address
)

// Mode is how a compiler's programs compile and link. The zero value hardens, and links to libraries.
type Mode struct {
	Plain bool // without the options of hardening
	Link  Link
}

// modes are all modes, the zero value first.
var modes = []Mode{
	{}, {Link: Static}, {Link: StaticPIE},
	{Plain: true}, {Plain: true, Link: Static}, {Plain: true, Link: StaticPIE},
}

// Asked returns the mode that a user asks for, which is without a link.
func Asked(c config.Config) (Mode, error) {
	var s struct {
		Hardening bool `config:"BP_NATIVE_HARDENING_ENABLED"`
	}
	err := c.Decode(&s)
	return Mode{Plain: !s.Hardening}, err
}

// suffix names the mode, "" the zero value.
func (m Mode) suffix() string {
	name := ""
	if m.Link != Dynamic {
		name += "-" + string(m.Link)
	}
	if m.Plain {
		name += "-plain"
	}
	return name
}
