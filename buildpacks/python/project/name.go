package project

import (
	"regexp"
	"strings"
)

// Name returns the name of a package as indexes and tools compare it (PEP 503): "Flask_SQLAlchemy" is "flask-sqlalchemy".
func Name(name string) string {
	return strings.ToLower(separators.ReplaceAllString(strings.TrimSpace(name), "-"))
}

var separators = regexp.MustCompile(`[-_.]+`)
