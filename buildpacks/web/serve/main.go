// Serve is the web server of static sites: the program that strata/web puts into images. It serves one folder over HTTP
// and can do nothing else.
//
//	serve [-fallback PAGE] FOLDER
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	page := flag.String("fallback", "", "answer paths that are no files with this `PAGE` of the folder")
	flag.Parse()
	if flag.NArg() != 1 {
		flag.Usage()
		os.Exit(2)
	}
	if err := serve(flag.Arg(0), *page); err != nil {
		fmt.Fprintln(os.Stderr, "serve:", err)
		os.Exit(1)
	}
}

// grace is how long requests that are under way have when the container is stopped; Kubernetes kills after 30 s, Docker after 10.
const grace = 8 * time.Second

// serve answers at PORT, 8080 if it is not set, until the process is told to stop.
func serve(folder, fallback string) error {
	root, err := os.OpenRoot(folder)
	if err != nil {
		return err
	}
	port := os.Getenv("PORT")
	if port == "" {
		port = "8080"
	}
	listener, err := net.Listen("tcp", ":"+port)
	if err != nil {
		return fmt.Errorf("PORT is %q: %w", port, err)
	}
	// The first process of a container gets no signal that it has no handler for.
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	server := &http.Server{Handler: newSite(root, fallback), ReadTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute,
		MaxHeaderBytes: 64 << 10}
	stopped := make(chan error, 1)
	go func() {
		<-ctx.Done()
		ending, cancel := context.WithTimeout(context.Background(), grace)
		defer cancel()
		stopped <- server.Shutdown(ending)
	}()
	fmt.Fprintln(os.Stderr, "serve:", folder, "at port", port)
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return <-stopped
}
