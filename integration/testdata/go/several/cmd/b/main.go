// Command b is one of three programs of this module; it answers with its name.
package main

import "example.test/several/internal/serve"

func main() { serve.Name("b") }
