// Package serve is what the three programs share.
package serve

import (
	"fmt"
	"log"
	"net/http"
	"os"
)

// Name answers every request on $PORT with the name of the program.
func Name(name string) {
	http.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(w, "I am", name)
	})
	log.Fatal(http.ListenAndServe(":"+os.Getenv("PORT"), nil))
}
