// Command badgomod has a go.mod that does not parse.
package main

func main() {}
