// Command broken does not compile.
package main

import "fmt"

func main() {
	var count int = "not a number"
	fmt.Println(count)
	undefined()
}
