// Command embed serves a page that is part of the binary.
package main

import (
	_ "embed"
	"log"
	"net/http"
	"os"
)

//go:embed page.html
var page []byte

func main() {
	http.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { w.Write(page) })
	log.Fatal(http.ListenAndServe(":"+os.Getenv("PORT"), nil))
}
