package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	"github.com/BurntSushi/toml"
	"github.com/spf13/cobra"

	"github.com/strata-buildpacks/strata/builder/platform/fleet"
	"github.com/strata-buildpacks/strata/buildpacks/kit/deb"
	"github.com/strata-buildpacks/strata/buildpacks/kit/deb/archive"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/stacks/assemble"
)

func fleetCommand() *cobra.Command {
	options := fleet.Options{Now: time.Now()}
	var list, html string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "fleet REGISTRY[/PATH]…",
		Short: "Show all images of a team: what built them, what is due, what they share",
		Long: "Show all images of registries: what built them, which run image they stand on and how far that is\n" +
			"behind, their languages, what they share, and whether somebody vouches for them. Nothing is changed.",
		RunE: func(cmd *cobra.Command, places []string) error {
			more, err := readList(list, cmd.InOrStdin())
			if err != nil {
				return err
			}
			if options.Places = append(places, more...); len(options.Places) == 0 {
				return fault.Fault{
					ID: "fleet-nothing", What: "there is no image to look at", Do: "name a registry, or a list of images with --from-file",
				}
			}
			if options.Offers, err = signedOffers(); err != nil {
				return err
			}
			if options.Locked, err = lockedLanguages(); err != nil {
				return err
			}
			return showFleet(cmd.Context(), options, html, asJSON)
		},
	}
	f := cmd.Flags()
	f.StringVar(&list, "from-file", "", "file with one image, registry or registry with path a line, - for stdin; # begins a comment")
	f.StringVar(&options.Package, "package", "", "show which images hold this package, in which version, in which layer")
	f.StringVar(&html, "html", "", "write the report into this file, as one page that needs no network")
	f.BoolVar(&asJSON, "json", false, "print the report as JSON")
	return cmd
}

// signedOffers reads Debian's signed indexes from the mirrors of `strata stack update`.
func signedOffers() (fleet.Offers, error) {
	cache, err := cacheDir()
	if err != nil {
		return nil, err
	}
	return fleet.Debian(sync.OnceValues(func() (archive.Source, error) {
		return assemble.Indexes(cache)
	})), nil
}

// lockedLanguages reads which versions builds take from the locks of the suite, if this is a checkout of it.
func lockedLanguages() (fleet.Locked, error) {
	config, err := findConfig("")
	if known := (fault.Fault{}); errors.As(err, &known) && known.ID == "config-missing" {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	locked := fleet.Locked{}
	for name, is := range map[string]struct{ folder, id string }{
		"Node.js": {"node", "node"}, "Python": {"python", "python"}, "Go": {"golang", "go"},
	} {
		path := filepath.Join(filepath.Dir(config), "buildpacks", is.folder, "lock.toml")
		var lock struct {
			Package []struct {
				ID       string
				Releases [][]string
			}
		}
		_, err := toml.DecodeFile(path, &lock)
		if errors.Is(err, fs.ErrNotExist) { // an installed suite has none
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", path, err)
		}
		for _, p := range lock.Package {
			for _, release := range p.Releases {
				if p.ID == is.id && len(release) > 0 {
					locked[name] = append(locked[name], release[0])
				}
			}
		}
	}
	return locked, lockedPython(filepath.Join(filepath.Dir(config), "buildpacks", "python", "interpreter"), locked)
}

// lockedPython adds the versions of the packages of Debian that Python is made of.
func lockedPython(folder string, locked fleet.Locked) error {
	files, err := filepath.Glob(filepath.Join(folder, "*", "lock-*.toml"))
	if err != nil {
		return err
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return fmt.Errorf("reading the packages of Python: %w", err)
		}
		packages, err := deb.ReadLock(string(text))
		if err != nil {
			return fmt.Errorf("reading %s: %w", file, err)
		}
		for _, p := range packages {
			locked[p.Name] = append(locked[p.Name], p.Version)
		}
	}
	return nil
}

func showFleet(ctx context.Context, options fleet.Options, html string, asJSON bool) error {
	h, err := openHome()
	if err != nil {
		return err
	}
	report, err := fleet.Read(ctx, h, options)
	if err != nil {
		return err
	}
	if html != "" {
		if err := writePage(html, report, options.Places); err != nil {
			return err
		}
	}
	switch {
	case asJSON:
		encoder := json.NewEncoder(stdout)
		encoder.SetIndent("", "  ")
		return encoder.Encode(report)
	case options.Package != "":
		return printHolders(stdout, report)
	}
	return printFleet(stdout, report)
}

func writePage(path string, report *fleet.Report, places []string) error {
	file, err := os.Create(path)
	if err == nil {
		err = report.WriteHTML(file, places)
		if closed := file.Close(); err == nil {
			err = closed
		}
	}
	if err != nil {
		return fault.Fault{ID: "fleet-page", What: "--html cannot be written", Err: err, Do: "name a file that you may write"}
	}
	return nil
}

// printFleet prints a line for each image, those that could not be read below the others, and the sums.
func printFleet(w io.Writer, r *fleet.Report) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "IMAGE\tBUILT BY\tLANGUAGES\tRUN IMAGE\tDUE\tBEHIND\tSECURITY\tSIZE\tALONE\tSIGNED\tATTESTED")
	var unread []fleet.Image
	rows := map[string]int{} // of a name
	for _, image := range r.Images {
		rows[image.Name]++
	}
	for _, image := range r.Images {
		if rows[image.Name] > 1 && image.Platform != "" {
			image.Name += " (" + image.Platform + ")"
		}
		if image.Err != "" {
			unread = append(unread, image)
			continue
		}
		fmt.Fprintln(table, strings.Join(fleetLine(&image, r.Date), "\t"))
	}
	if err := table.Flush(); err != nil {
		return fmt.Errorf("printing the table: %w", err)
	}
	var text strings.Builder
	for _, image := range unread {
		fmt.Fprintf(&text, "%s was not read: %s\n", image.Name, image.Err)
	}
	t := r.Totals
	fmt.Fprintf(&text, "\n%d images, %d of them apps; %d were not read\n", t.Images, t.Apps, t.Failed)
	fmt.Fprintf(&text, "due: a rebase moves %d apps; %d images have packages with security updates; %d have a language that has ended\n",
		t.Due, t.Security, t.Ended)
	if t.Runtimes > 0 {
		fmt.Fprintf(&text, "`strata rebase --runtimes` puts newer runtimes under %d apps\n", t.Runtimes)
	}
	if t.NotCompared > 0 {
		fmt.Fprintf(&text, "%d images have packages that were not compared: more may be due; --json and --html say why\n", t.NotCompared)
	}
	if t.Unvouched > 0 {
		fmt.Fprintf(&text, "of %d images it is not known whether they are signed and attested; --json and --html say why\n", t.Unvouched)
	}
	fmt.Fprintf(&text, "a host that runs all pulls %s; one by one they have %s\n", megabytes(t.Pulled), megabytes(t.Bytes))
	return printText(w, text.String())
}

func printText(w io.Writer, text string) error {
	if _, err := io.WriteString(w, text); err != nil {
		return fmt.Errorf("printing the table: %w", err)
	}
	return nil
}

// fleetLine returns the columns of an image.
func fleetLine(i *fleet.Image, now time.Time) []string {
	builtBy := "-"
	if len(i.BuiltBy) > 0 {
		builtBy = i.BuiltBy[0]
		if more := len(i.BuiltBy) - 1; more > 0 {
			builtBy += fmt.Sprintf(" +%d", more)
		}
	}
	if i.ByKpack {
		builtBy += " (kpack)"
	}
	var languages []string
	for _, l := range i.Languages {
		text := l.Name + " " + l.Version
		if l.Newest != "" {
			text += " → " + l.Newest
		}
		if l.HasEnded(now) {
			text += " (ended " + l.Ended + ")"
		}
		languages = append(languages, text)
	}
	run, due := i.Kind, "-"
	if i.Base != nil {
		run, due = orDash(i.Base.Name), "no"
		switch {
		case i.RuntimesDue():
			due = "rebase --runtimes"
		case i.Base.Due:
			due = "rebase"
		case i.Base.Reason != "" && i.Base.Newest != "" && i.Base.Newest != i.Base.Name:
			due = "refused"
		case i.Base.Reason != "" && i.Base.Newest == "":
			due = "?"
		}
	}
	behind, security := packagesBehind(i)
	yes := func(is bool) string {
		switch {
		case i.Kind != fleet.App && i.Kind != fleet.RunImage:
			return "-"
		case is:
			return "yes"
		case i.Unvouched != "":
			return "?"
		}
		return "no"
	}
	return []string{
		i.Name, builtBy, orDash(strings.Join(languages, ", ")), run, due, behind, security, megabytes(i.Bytes), megabytes(i.Unique),
		yes(i.Signed), yes(i.Attested),
	}
}

// packagesBehind returns two columns: how many packages are behind, and for how many of them a security update is due. With "+?" there may
// be more, because some were not compared; if none was, the columns are "?". An image that nobody looked into has "-".
func packagesBehind(i *fleet.Image) (behind, security string) {
	if i.Packages == nil {
		return "-", "-"
	}
	compared, count := i.Packages.Count-i.Packages.NotCompared, i.Packages.Behind
	if i.Own != nil {
		compared += i.Own.Count - i.Own.NotCompared
		count += i.Own.Behind
	}
	behind, security = strconv.Itoa(count), strconv.Itoa(i.SecurityUpdates())
	switch {
	case i.Compared():
		return behind, security
	case compared == 0:
		return "?", "?"
	}
	return behind + "+?", security + "+?"
}

// printHolders prints who holds the package that was asked for, and what was not looked into.
func printHolders(w io.Writer, r *fleet.Report) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	if len(r.Holders) > 0 {
		fmt.Fprintln(table, "IMAGE\tPLATFORM\tPACKAGE\tVERSION\tNEWEST\tLAYER\tWHAT")
	}
	for _, h := range r.Holders {
		layer := strings.TrimPrefix(h.Layer, "sha256:")
		layer = orDash(layer[:min(len(layer), 12)])
		fmt.Fprintln(table, strings.Join([]string{
			h.Image, orDash(h.Platform), h.Package, orDash(h.Version), orDash(h.Newest), layer, orDash(h.What),
		}, "\t"))
	}
	if err := table.Flush(); err != nil {
		return fmt.Errorf("printing the table: %w", err)
	}
	var text strings.Builder
	blind := 0
	for _, image := range r.Images {
		if image.Err != "" {
			fmt.Fprintf(&text, "%s was not read: %s\n", image.Name, image.Err)
		}
		for _, why := range image.Blind {
			fmt.Fprintf(&text, "%s (%s) may hold it and was not looked into: %s\n", image.Name, orDash(image.Platform), why)
		}
		if len(image.Blind) > 0 {
			blind++
		}
	}
	if r.HoldersLeft > 0 {
		fmt.Fprintf(&text, "%d more holders are not listed\n", r.HoldersLeft)
	}
	t := r.Totals
	fmt.Fprintf(&text, "%d of %d images hold %s; %d were not looked into, or not wholly, and %d not read\n",
		r.Holding(), t.Images, r.Package, blind, t.Failed)
	return printText(w, text.String())
}
