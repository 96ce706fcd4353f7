package fleet

import (
	_ "embed"
	"html/template"
	"io"
	"slices"
	"strconv"
	"strings"
)

//go:embed page.html
var pageText string

// page is escaped where it stands (html/template): names and labels of images are others' text. Its policy lets a browser load nothing and
// run nothing.
var page = template.Must(template.New("page").Funcs(template.FuncMap{
	"mb": megabytes, "hex": hex, "ended": func(l Language, r *Report) bool { return l.HasEnded(r.Date) },
	"pair": func(what string, has bool, why string) vouched { return vouched{what, has, why} },
	"inc":  func(i int) int { return i + 1 }, "num": func(x float64) string { return strconv.FormatFloat(x, 'f', 1, 64) },
}).Parse(pageText))

// vouched is what somebody says of an image, or does not.
type vouched struct {
	What string
	Has  bool
	Why  string // why it is not known that there is none
}

// hex returns the first twelve digits of a digest.
func hex(digest string) string {
	const prefix = len("sha256:")
	if len(digest) < prefix+12 {
		return digest
	}
	return digest[prefix : prefix+12]
}

// maxTable is how many rows a table of the page has. The report as JSON has all.
const maxTable = 2000

// WriteHTML writes the report as one page without scripts, fonts or addresses of other files.
func (r *Report) WriteHTML(w io.Writer, places []string) error {
	var read, unread, blind []Image
	for _, image := range r.Images {
		if len(image.Blind) > 0 {
			blind = append(blind, image)
		}
		if image.Err != "" {
			unread = append(unread, image)
		} else {
			read = append(read, image)
		}
	}
	slices.SortStableFunc(read, func(a, b Image) int { return b.urgency() - a.urgency() })
	host := common(read)
	layers := r.Layers
	if alone := slices.IndexFunc(layers, func(l Layer) bool { return l.Images < 2 }); alone >= 0 {
		layers = layers[:alone] // those of one image come last
	}
	return page.Execute(w, map[string]any{
		"Report": r, "Places": strings.Join(places, ", "), "Picture": draw(r, host), "Date": r.Date.UTC().Format("2 January 2006"),
		"Images": read[:min(len(read), maxTable)], "Left": max(0, len(read)-maxTable),
		"Failed": unread[:min(len(unread), maxTable)], "FailedLeft": max(0, len(unread)-maxTable),
		"Layers":  layers[:min(len(layers), maxColumns)],
		"Holders": r.Holders[:min(len(r.Holders), maxTable)], "HoldersLeft": max(0, len(r.Holders)-maxTable) + r.HoldersLeft,
		"Blind": blind[:min(len(blind), maxTable)], "BlindLeft": max(0, len(blind)-maxTable),
		"Share": percent(r.Totals.Bytes-r.Totals.Pulled, r.Totals.Bytes),
	})
}

// common returns what the names of all images begin with, up to a slash.
func common(images []Image) string {
	if len(images) == 0 {
		return ""
	}
	begin := images[0].Name
	for _, image := range images {
		for !strings.HasPrefix(image.Name, begin) {
			begin = begin[:len(begin)-1]
		}
	}
	return begin[:strings.LastIndexByte(begin, '/')+1]
}

func percent(part, all int64) int64 {
	if all == 0 {
		return 0
	}
	return 100 * part / all
}

// urgency orders images: those with security updates first, then what a rebase moves, then what else is behind.
func (i *Image) urgency() int {
	switch {
	case i.SecurityUpdates() > 0:
		return 1000 + i.SecurityUpdates()
	case i.Base != nil && i.Base.Due:
		return 500
	}
	count := min(i.Packages.behind()+i.Own.behind(), 499)
	if count == 0 && !i.Compared() && i.Kind != Other {
		count = 2 // nobody knows
	} else if count == 0 && i.Kind == App {
		count = 1 // before run images
	}
	return count
}
