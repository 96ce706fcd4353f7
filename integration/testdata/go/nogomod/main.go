// Command nogomod has no go.mod beside it.
package main

func main() { println("hello") }
