// Command cgo has a package that only a C compiler can build.
package main

import (
	"fmt"

	"example.test/cgo/internal/native"
)

func main() { fmt.Println(native.Answer()) }
