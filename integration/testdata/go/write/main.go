// Command write writes to the file of its app that it is asked for.
package main

import (
	"fmt"
	"log"
	"net/http"
	"os"
)

func main() {
	log.Fatal(http.ListenAndServe(":"+os.Getenv("PORT"), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := os.WriteFile("."+r.URL.Path, nil, 0o600); err != nil {
			fmt.Fprintln(w, err)
			return
		}
		fmt.Fprintln(w, "written")
	})))
}
