// Command suite stands for the suite: it is compiled and never run.
package main

func main() {}
