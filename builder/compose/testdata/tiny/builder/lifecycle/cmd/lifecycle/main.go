// Command lifecycle stands for the lifecycle's: it is compiled and never run.
package main

func main() {}
