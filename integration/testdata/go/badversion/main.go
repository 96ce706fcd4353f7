// Command badversion asks for a Go that was never released.
package main

func main() {}
