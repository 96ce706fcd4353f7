// Command launch stands for the launch helper: it is compiled and never run.
package main

func main() {}
