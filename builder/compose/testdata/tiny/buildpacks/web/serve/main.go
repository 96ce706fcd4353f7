// Command serve stands for the web server: it is compiled and never run.
package main

func main() {}
