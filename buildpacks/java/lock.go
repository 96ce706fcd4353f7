package java

import _ "embed"

// lockFile has the releases of tools that are known with their hashes.
//
//go:embed lock.toml
var lockFile string
