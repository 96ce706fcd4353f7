package web

import (
	"io/fs"
	"path/filepath"
	"slices"

	"github.com/strata-buildpacks/strata/buildpacks/kit/report"
)

// others says how paths that are no files are answered.
type others struct {
	Page string // the page that answers them, "" for none
	Why  string // "" where nothing says it
	Hint bool   // the site may be an app with a router
}

// fallbacks are pages that generators make to answer other paths with: Nuxt and SvelteKit, React Router.
var fallbacks = []string{"200.html", "__spa-fallback.html"}

// others decides how paths that are no files are answered, for a site in a folder of an app. What files for hosts tell elsewhere in the
// app is known.
func (s settings) others(app, root string, told []said) (others, error) {
	if s.pushed != nil && *s.pushed {
		return others{Page: index, Why: pushState}, nil
	} else if s.pushed != nil {
		return others{Why: pushState}, nil
	}
	for _, page := range fallbacks {
		if isFile(filepath.Join(app, root, page)) {
			return others{Page: page, Why: "the site has it"}, nil
		}
	}
	if !slices.Contains(s.folders(), root) {
		more, err := hear(app, root)
		if err != nil {
			return others{}, err
		}
		told = append(more, told...)
	}
	if i := slices.IndexFunc(told, func(one said) bool { return one.SinglePage }); i >= 0 {
		return others{Page: index, Why: told[i].File}, nil
	}
	one, err := onePage(filepath.Join(app, root))
	switch {
	case err != nil || !one:
		return others{}, err
	case s.PushState == "":
		return others{Hint: true}, nil
	}
	return others{Page: index, Why: "an app with a router and one page"}, nil
}

// describe logs the decision.
func (o others) describe(log *report.Log) {
	switch {
	case o.Page != "":
		log.Decision("Other paths", "the page "+o.Page, o.Why)
	case o.Why != "":
		log.Decision("Other paths", "404", o.Why)
	case o.Hint:
		log.Decision("Other paths", "404", pushState+"=true answers with the page, for an app with a router")
	}
}

// onePage reports whether a folder has one page, scripts, and no page for what is not found.
func onePage(dir string) (bool, error) {
	pages, scripts := 0, false
	err := filepath.WalkDir(dir, func(file string, entry fs.DirEntry, err error) error {
		switch extension := filepath.Ext(file); {
		case err != nil || entry.IsDir():
		case extension == ".html" || extension == ".htm":
			pages++
		case extension == ".js" || extension == ".mjs":
			scripts = true
		}
		return err
	})
	return pages == 1 && scripts, err
}
