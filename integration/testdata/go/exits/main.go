// Exits lacks a setting, as a program does that was never tried with its image.
package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Fprintln(os.Stderr, "DATABASE_URL is not set")
	os.Exit(3)
}
