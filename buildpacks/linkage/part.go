package linkage

import (
	"context"
	"encoding/csv"
	"errors"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
	"github.com/strata-buildpacks/strata/buildpacks/kit/debian"
	"github.com/strata-buildpacks/strata/buildpacks/kit/report"
)

// parts are the files of Python's distributions that the distribution can do without, with what they lack.
type parts struct {
	optional map[string][]string // libraries by the files' paths
	of       map[string]string   // distributions by the files' paths
}

// site matches a file that Python imports from a folder of distributions, and the folder.
var site = regexp.MustCompile(`^(.*/(?:site|dist)-packages)/(.+)$`)

// partsOf finds the files that lack libraries, and that are plug-ins: another file of the same distribution is nearer to the folder of
// distributions and lacks none. That one is what an import of the distribution begins with, and plug-ins lie below it.
func partsOf(files []elfFile, there libraries) parts {
	p := parts{map[string][]string{}, map[string]string{}}
	nearest := map[string]int{} // depths of files that lack nothing, by distribution
	sites := map[string]map[string]string{}
	for _, file := range files {
		m := site.FindStringSubmatch(file.path)
		if m == nil {
			continue
		}
		if sites[m[1]] == nil {
			sites[m[1]] = distributions(m[1])
		}
		dist := sites[m[1]][m[2]]
		if dist == "" {
			continue
		}
		p.of[file.path] = dist
		depth := strings.Count(m[2], "/")
		if before, ok := nearest[dist]; len(there.missing(file)) == 0 && (!ok || depth < before) {
			nearest[dist] = depth
		}
	}
	for _, file := range files {
		dist := p.of[file.path]
		m := site.FindStringSubmatch(file.path)
		missing := there.missing(file)
		if depth, ok := nearest[dist]; dist != "" && ok && len(missing) > 0 && depth < strings.Count(m[2], "/") {
			p.optional[file.path] = missing
		}
	}
	return p
}

// distributions returns the distribution that each file is of, by what is recorded of it (PEP 376). A record that cannot be read names
// no file, and all of its files are needed.
func distributions(folder string) map[string]string {
	of := map[string]string{}
	records, err := filepath.Glob(filepath.Join(folder, "*.dist-info", "RECORD"))
	if err != nil {
		return of
	}
	for _, record := range records {
		name, _, _ := strings.Cut(path.Base(path.Dir(record)), "-")
		f, err := os.Open(record)
		if err != nil {
			continue
		}
		r := csv.NewReader(f)
		r.FieldsPerRecord = -1
		for {
			fields, err := r.Read()
			if err != nil {
				break
			}
			of[path.Clean(fields[0])] = name
		}
		f.Close()
	}
	return of
}

// tell says in the log what is passed over.
func (p parts) tell(log *report.Log) {
	var files []string
	for file := range p.optional {
		files = append(files, file)
	}
	slices.Sort(files)
	for _, file := range files {
		log.Bullet("%s lacks %s: a plug-in of %s, which the package can do without", file, strings.Join(p.optional[file], " "), p.of[file])
	}
}

// advise says of libraries that are nowhere which package of Debian has them, and what to set.
func advise(ctx context.Context, in bp.BuildContext, findings []finding) []finding {
	var names []string
	for _, f := range findings {
		if f.library != "" {
			names = append(names, f.library)
		}
	}
	if libc, _ := in.Target.Libc(); len(names) == 0 || libc != bp.Glibc {
		return findings
	}
	slices.Sort(names)
	owners, err := debian.Owners(ctx, in, slices.Compact(names))
	if errors.Is(err, context.Canceled) {
		return findings
	}
	if err != nil {
		in.Log.Debug("Debian's index does not tell whose the libraries are: %v", err)
	}
	asked, _, err := debian.Named(in.Workspace, debian.Aptfiles...)
	if err != nil {
		return findings
	}
	for _, owner := range owners {
		if !slices.Contains(asked, owner) {
			asked = append(asked, owner)
		}
	}
	slices.Sort(asked)
	for i, f := range findings {
		if f.library != "" {
			findings[i].do = "name the package of Debian that has it in " + debian.Variable + ", or " + f.do
		}
		if owner := owners[f.library]; owner != "" {
			findings[i].from = "the package " + owner + " of Debian"
			findings[i].do = "set " + debian.Variable + "=" + strings.Join(asked, ",")
		}
	}
	return findings
}
