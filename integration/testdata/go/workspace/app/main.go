// Command app is the workspace's program; its library is the neighbour module.
package main

import (
	"fmt"
	"log"
	"net/http"
	"os"

	"example.test/workspace/greeting"
)

func main() {
	http.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(w, greeting.Text)
	})
	log.Fatal(http.ListenAndServe(":"+os.Getenv("PORT"), nil))
}
