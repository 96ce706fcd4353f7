package linkage

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/elf"
	"github.com/strata-buildpacks/strata/buildpacks/kit/report"
)

// compilers are the buildpacks that compile what is in their layers.
var compilers = []string{"strata_go", "strata_native", "strata_rust"}

// tellHardening says in the log how the files are hardened that the build compiled: those that lack something one by one, and the others in
// one line for each kind.
func tellHardening(log *report.Log, layers string, files []elfFile) error {
	alike := map[string][]string{}
	var order []string
	for _, file := range files {
		within, err := filepath.Rel(layers, file.path)
		folder, _, _ := strings.Cut(within, "/")
		if err != nil || !slices.Contains(compilers, folder) {
			continue
		}
		f, err := os.Open(file.path)
		if err != nil {
			return fmt.Errorf("reading how files are hardened: %w", err)
		}
		h, _, err := elf.ReadHardening(f)
		f.Close()
		if err != nil {
			return fmt.Errorf("reading how %s is hardened: %w", file.path, err)
		}
		has, lacks := h.Measures()
		what := strings.Join(has, ", ")
		name := strings.TrimPrefix(within, folder+"/")
		if len(lacks) > 0 {
			what += "; no " + strings.Join(lacks, ", no ")
		}
		if alike[what] == nil {
			order = append(order, what)
		}
		alike[what] = append(alike[what], name)
	}
	if len(order) == 0 {
		return nil
	}
	log.Heading("How compiled files are hardened")
	for _, what := range order {
		names := alike[what]
		if !strings.Contains(what, "; no ") && len(names) > 1 {
			names = []string{fmt.Sprintf("%s and %d more", names[0], len(names)-1)}
		}
		for _, name := range names {
			log.Bullet("%s: %s", name, what)
		}
	}
	return nil
}
