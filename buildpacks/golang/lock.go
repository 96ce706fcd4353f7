package golang

import _ "embed"

//go:embed lock.toml
var lockFile string

// goID is the id of Go's releases in lock.toml: the newest patch of each locked minor version.
const goID = "go"
