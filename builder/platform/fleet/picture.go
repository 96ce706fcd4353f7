package fleet

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// How large the picture of layers against images is, in the units of its view box.
const (
	pictureWidth = 1160
	labelWidth   = 300
	barWidth     = 190 // of what an image has alone
	gap          = 16
	rowHeight    = 18
	headHeight   = 26
	narrowest    = 5.0
	maxColumns   = 40
	maxRows      = 120
	groupFrom    = 60 // images; from then on those with the same shared layers have one row
)

// picture shows layers that several images have as columns, as wide as they are large, and images as rows. At the right is what an image
// has alone.
type picture struct {
	Width, Height int
	Columns       []column
	Rows          []row
	More          int // images that have no row
	Others        int // shared layers that have no column
	BarX          float64
	BarLabel      string

	host string // what the names of all images begin with, which their labels leave out
}

type column struct {
	X, Width, Middle float64
	Number           int
	Class, Title     string
	Layer            Layer
}

type row struct {
	Y, TextY, MarkY float64
	Label, Title    string
	Due             string // class of the mark before the label
	Cells           []cell
	Bar, BarEnd     float64
	BarTitle        string
}

type cell struct {
	X, Width float64
	Class    string
	Title    string
}

// draw makes the picture. Labels leave host out.
func draw(r *Report, host string) picture {
	p := picture{Width: pictureWidth, BarX: pictureWidth - barWidth, host: host}
	p.columns(r.Layers)
	rows := group(r, len(p.Columns))
	if len(rows) > maxRows {
		for _, left := range rows[maxRows:] {
			p.More += len(left.images)
		}
		rows = rows[:maxRows]
	}
	var most int64
	for _, g := range rows {
		most = max(most, g.unique())
	}
	p.BarLabel = "alone (up to " + megabytes(most) + ")"
	for i, g := range rows {
		p.Rows = append(p.Rows, p.row(float64(headHeight+i*rowHeight), g, most))
	}
	p.Height = headHeight + len(rows)*rowHeight + 4
	return p
}

// columns places the shared layers: those that most images have first.
func (p *picture) columns(layers []Layer) {
	var shared []int
	for i, layer := range layers {
		if layer.Images > 1 {
			shared = append(shared, i)
		}
	}
	if len(shared) > maxColumns {
		p.Others = len(shared) - maxColumns
		shared = shared[:maxColumns]
	}
	var sum int64
	for _, i := range shared {
		sum += layers[i].Bytes
	}
	wide := pictureWidth - labelWidth - barWidth - gap - narrowest*float64(len(shared))
	x := float64(labelWidth)
	for _, i := range shared {
		layer := layers[i]
		width := narrowest + wide*float64(layer.Bytes)/float64(max(sum, 1))
		p.Columns = append(p.Columns, column{
			X: x, Width: width - 1, Middle: x + (width-1)/2, Number: i + 1, Class: layer.class(), Layer: layer,
			Title: fmt.Sprintf("%d: %s, %s, in %d images", i+1, cmp.Or(layer.What, layer.Digest), megabytes(layer.Bytes), layer.Images),
		})
		x += width
	}
}

// class returns how a layer is painted.
func (l Layer) class() string {
	switch {
	case l.Security > 0:
		return "security"
	case l.Behind > 0:
		return "behind"
	case l.Base && !l.Compared:
		return "unknown"
	case l.Base:
		return "base"
	}
	return "shared"
}

// images are the images of one row: all have the same shared layers.
type images struct {
	images []*Image
	shared []int // places of layers that are columns
}

// unique returns the bytes that only these images have, each digest once.
func (g images) unique() int64 {
	var sum int64
	seen := map[string]bool{}
	for _, i := range g.images {
		if !seen[i.Digest] {
			sum += i.Unique
		}
		seen[i.Digest] = true
	}
	return sum
}

// group puts images with the same shared layers beside each other and, if there are many, into one row.
func group(r *Report, columns int) []images {
	var all []images
	for i := range r.Images {
		if image := &r.Images[i]; image.Err == "" {
			shared := slices.DeleteFunc(image.distinct(), func(layer int) bool { return layer >= columns })
			all = append(all, images{[]*Image{image}, shared})
		}
	}
	slices.SortStableFunc(all, func(a, b images) int { return slices.Compare(a.shared, b.shared) })
	if len(all) < groupFrom {
		return all
	}
	var grouped []images
	for _, one := range all {
		if last := len(grouped) - 1; last >= 0 && slices.Equal(grouped[last].shared, one.shared) {
			grouped[last].images = append(grouped[last].images, one.images...)
			continue
		}
		grouped = append(grouped, one)
	}
	slices.SortStableFunc(grouped, func(a, b images) int { return cmp.Compare(len(b.images), len(a.images)) })
	return grouped
}

func (p *picture) row(y float64, g images, most int64) row {
	first := g.images[0]
	label := strings.TrimPrefix(first.Name, p.host)
	out := row{Y: y, TextY: y + 12, MarkY: y + 8, Label: middle(label, 40), Title: first.Name, Due: due(g.images)}
	if len(g.images) > 1 {
		out.Label = fmt.Sprintf("%s and %d like it", middle(label, 26), len(g.images)-1)
		out.Title = fmt.Sprintf("%d images with the same shared layers", len(g.images))
	}
	for _, layer := range g.shared {
		c := p.Columns[layer]
		out.Cells = append(out.Cells, cell{c.X, c.Width, c.Class, c.Title})
	}
	out.Bar = (barWidth - 60) * float64(g.unique()) / float64(max(most, 1))
	out.BarEnd = p.BarX + out.Bar + 5
	out.BarTitle = megabytes(g.unique())
	return out
}

// due returns the class of the mark of what is due for one of some images.
func due(list []*Image) string {
	mark := ""
	for _, i := range list {
		switch {
		case i.SecurityUpdates() > 0:
			return "security"
		case i.Base != nil && i.Base.Due, i.Packages.behind()+i.Own.behind() > 0:
			mark = "behind"
		case mark == "" && !i.Compared():
			mark = "unknown"
		}
	}
	return mark
}

// middle cuts the middle of a name out if it is longer than some characters.
func middle(text string, most int) string {
	runes := []rune(text)
	if len(runes) <= most {
		return text
	}
	half := (most - 1) / 2
	return string(runes[:half]) + "…" + string(runes[len(runes)-half:])
}

func megabytes(bytes int64) string {
	switch {
	case bytes == 0:
		return "0"
	case bytes >= 1e9:
		return fmt.Sprintf("%.2f GB", float64(bytes)/1e9)
	case bytes >= 1e5:
		return fmt.Sprintf("%.1f MB", float64(bytes)/1e6)
	}
	return fmt.Sprintf("%.1f kB", float64(bytes)/1e3)
}
