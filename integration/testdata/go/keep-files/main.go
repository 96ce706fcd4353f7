// Command keep-files serves what is left of its source folder: only what BP_KEEP_FILES names.
package main

import (
	"log"
	"net/http"
	"os"
)

func main() {
	log.Fatal(http.ListenAndServe(":"+os.Getenv("PORT"), http.FileServer(http.Dir("."))))
}
