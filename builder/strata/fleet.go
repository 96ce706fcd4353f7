package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/strata-buildpacks/strata/builder/platform/fleet"
	"github.com/strata-buildpacks/strata/buildpacks/kit/deb/archive"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fetch"
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
		mirrors, err := archive.FindMirrors(os.Getenv, "/etc/apt")
		return archive.Source{Mirrors: mirrors, Client: fetch.New(cache), Now: time.Now()}, err
	})), nil
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
	for _, image := range r.Images {
		if image.Err != "" {
			unread = append(unread, image)
			continue
		}
		fmt.Fprintln(table, strings.Join(fleetLine(&image, r.Date), "\t"))
	}
	if err := table.Flush(); err != nil {
		return fmt.Errorf("printing the table: %w", err)
	}
	for _, image := range unread {
		fmt.Fprintf(w, "%s was not read: %s\n", image.Name, image.Err)
	}
	t := r.Totals
	fmt.Fprintf(w, "\n%d images, %d of them apps; %d were not read\n", t.Images, t.Apps, t.Failed)
	fmt.Fprintf(w, "due: a rebase moves %d apps; %d images have packages with security updates; %d have a language that has ended\n",
		t.Due, t.Security, t.Ended)
	fmt.Fprintf(w, "a host that runs all pulls %s; one by one they have %s\n", megabytes(t.Pulled), megabytes(t.Bytes))
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
		if l.HasEnded(now) {
			text += " (ended " + l.Ended + ")"
		}
		languages = append(languages, text)
	}
	run, due := i.Kind, "-"
	if i.Base != nil {
		run, due = orDash(i.Base.Name), "no"
		switch {
		case i.Base.Due:
			due = "rebase"
		case i.Base.Reason != "":
			due = "?"
		}
	}
	behind, security := packagesBehind(i)
	yes := func(is bool) string {
		switch {
		case i.Kind == fleet.Builder || i.Kind == fleet.Other:
			return "-"
		case is:
			return "yes"
		}
		return "no"
	}
	return []string{
		i.Name, builtBy, orDash(strings.Join(languages, ", ")), run, due, behind, security, megabytes(i.Bytes), megabytes(i.Unique),
		yes(i.Signed), yes(i.Attested),
	}
}

// packagesBehind returns two columns: how many packages are behind, and for how many of them a security update is due. What was not
// compared is "?", and an image that nobody looked into has "-".
func packagesBehind(i *fleet.Image) (behind, security string) {
	if i.Packages == nil {
		return "-", "-"
	}
	if i.Packages.Reason != "" {
		return "?", "?"
	}
	count := i.Packages.Behind
	if i.Own != nil {
		count += i.Own.Behind
	}
	return strconv.Itoa(count), strconv.Itoa(i.SecurityUpdates())
}

// printHolders prints who holds the package that was asked for, and what was not looked into.
func printHolders(w io.Writer, r *fleet.Report) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	if len(r.Holders) > 0 {
		fmt.Fprintln(table, "IMAGE\tPACKAGE\tVERSION\tNEWEST\tLAYER\tWHAT")
	}
	for _, h := range r.Holders {
		layer := strings.TrimPrefix(h.Layer, "sha256:")
		layer = orDash(layer[:min(len(layer), 12)])
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\n", h.Image, h.Package, orDash(h.Version), orDash(h.Newest), layer, orDash(h.What))
	}
	if err := table.Flush(); err != nil {
		return fmt.Errorf("printing the table: %w", err)
	}
	holders, blind := map[string]bool{}, 0
	for _, h := range r.Holders {
		holders[h.Image] = true
	}
	for _, image := range r.Images {
		if image.Err != "" {
			fmt.Fprintf(w, "%s was not read: %s\n", image.Name, image.Err)
		}
		if image.Err == "" && image.Packages == nil {
			blind++
		}
	}
	_, err := fmt.Fprintf(w, "%d of %d images hold %s; %d are of no buildpack and were not looked into\n",
		len(holders), r.Totals.Images, r.Package, blind)
	return err
}
