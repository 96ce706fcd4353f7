// Command several is the root program of a module with three; it answers with its name.
package main

import "example.test/several/internal/serve"

func main() { serve.Name("root") }
