// Command vendored imports a module that exists nowhere but in its vendor folder.
package main

import (
	"fmt"
	"log"
	"net/http"
	"os"

	"example.test/greeting"
)

func main() {
	http.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(w, greeting.For("vendor"))
	})
	log.Fatal(http.ListenAndServe(":"+os.Getenv("PORT"), nil))
}
