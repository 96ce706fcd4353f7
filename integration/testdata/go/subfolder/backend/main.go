// Command backend is in a folder of the app, with its go.mod.
package main

func main() { println("hello") }
