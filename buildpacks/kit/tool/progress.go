package tool

import (
	"fmt"
	"sync"

	"github.com/strata-buildpacks/strata/buildpacks/kit/report"
)

// progress logs how far some downloads are together.
type progress struct {
	log   *report.Log
	title string

	mu    sync.Mutex
	files map[string]file
	told  int64 // bytes that the last line was about
}

// file is a download: the bytes that have come, and the bytes in all, 0 if nobody knows.
type file struct{ done, size int64 }

func newProgress(log *report.Log, title string) *progress {
	return &progress{log: log, title: title, files: map[string]file{}}
}

// small is how many bytes may come without a line in the log: 16 MB.
const small = 16e6

// add is a fetch.Progress. It logs each quarter of all bytes, or each 16 MB if their number is not known. Fewer than 16 MB
// in all have no line.
func (p *progress) add(name string, done, size int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.files[name] = file{done, size}
	var sum file
	known := true
	for _, f := range p.files {
		sum.done += f.done
		sum.size += f.size
		known = known && f.size >= f.done
	}
	step, of := int64(small), ""
	if known {
		step, of = (sum.size+3)/4, fmt.Sprintf(" of %.1f", float64(sum.size)/1e6)
	}
	last := known && sum.done == sum.size
	if known && sum.size < small || sum.done < p.told+step && !last {
		return
	}
	p.told = sum.done
	p.log.Bullet("%s: %.1f%s MB", p.title, float64(sum.done)/1e6, of)
}
