// Command pgo reports whether its compiler was given the profile beside it.
package main

import (
	"fmt"
	"log"
	"net/http"
	"os"
	"runtime/debug"
)

func main() {
	http.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(w, "profile:", profile(), "collatz:", longest(10_000))
	})
	log.Fatal(http.ListenAndServe(":"+os.Getenv("PORT"), nil))
}

// profile is the build setting -pgo, or "none".
func profile() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	for _, s := range info.Settings {
		if s.Key == "-pgo" {
			return s.Value
		}
	}
	return "none"
}

// longest is the start below limit with the longest Collatz sequence: what the profile was taken of.
func longest(limit int) int {
	best, start := 0, 0
	for n := 1; n < limit; n++ {
		if l := length(n); l > best {
			best, start = l, n
		}
	}
	return start
}

func length(n int) int {
	l := 0
	for ; n != 1; l++ {
		if n%2 == 0 {
			n /= 2
		} else {
			n = 3*n + 1
		}
	}
	return l
}
