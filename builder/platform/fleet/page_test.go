package fleet_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/strata-buildpacks/strata/builder/platform/fleet"
)

// hostile is a text that does something if a page does not escape it.
const hostile = `"><img src=x onerror=document.title='taken'><script>document.title="taken"</script></title></svg>`

// hostileFleet is a report in which every text of others is hostile: with more images than the picture has rows and, in half of them,
// packages that are behind.
func hostileFleet(count int) *fleet.Report {
	holder := fleet.Holder{
		Image: hostile, Platform: hostile, Package: hostile, Version: hostile, Newest: hostile, Layer: "sha256:" + hostile, What: hostile,
	}
	r := &fleet.Report{Date: today, Package: hostile, Holders: []fleet.Holder{holder}}
	for i := range 4 {
		r.Layers = append(r.Layers, fleet.Layer{
			Digest: fmt.Sprintf("sha256:%064d", i), What: hostile, Bytes: int64(10_000_000 * (4 - i)), Images: count - i,
			Base: i < 2, Security: i % 2, Behind: i,
		})
	}
	updates := []fleet.Update{{Package: hostile, Installed: hostile, Newest: hostile}}
	for i := range count {
		r.Layers = append(r.Layers, fleet.Layer{Digest: fmt.Sprintf("sha256:%064d", i+10), What: hostile, Bytes: int64(i * 1000), Images: 1})
		image := fleet.Image{
			Name: fmt.Sprintf("registry.example.com/%d/%s", i, hostile), Digest: hostile, Platform: hostile, Kind: fleet.App,
			BuiltBy:   []string{hostile},
			Base:      &fleet.Base{Name: hostile, Newest: hostile, Due: i%3 == 0, Reason: hostile},
			Packages:  &fleet.Packages{Count: 2, Behind: i % 2, Security: i % 2, Updates: updates},
			Languages: []fleet.Language{{Name: hostile, Version: hostile, Ended: "2020-01-01"}}, Layers: []int{0, 1, i % 4, i + 4},
			Bytes: int64(i * 1000), Unique: int64(i * 1000),
		}
		switch i % 5 {
		case 1: // only reasons
			image.Base = &fleet.Base{Name: hostile, Newest: hostile + "2", Reason: hostile}
			image.Packages, image.Own = &fleet.Packages{Reason: hostile}, &fleet.Packages{Count: 3, Behind: 1, NotCompared: 1, Reason: hostile}
			image.Blind, image.Notes, image.Unvouched = []string{hostile}, []string{hostile}, hostile
		case 2:
			image.Base, image.Packages, image.Languages = &fleet.Base{Reason: hostile}, nil, []fleet.Language{{Name: hostile, State: fleet.Unknown}}
		}
		r.Images = append(r.Images, image)
	}
	r.Images = append(r.Images, fleet.Image{Name: hostile, Err: hostile})
	return r
}

func write(t *testing.T, r *fleet.Report) string {
	t.Helper()
	var out bytes.Buffer
	if err := r.WriteHTML(&out, []string{hostile}); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// TestPage writes hostile texts, and a fleet without an image.
func TestPage(t *testing.T) {
	t.Parallel()
	page := write(t, hostileFleet(50))
	if found := regexp.MustCompile(`(?i)<(img|script|link|iframe)|https?://|@import|url\(`).FindString(page); found != "" {
		t.Errorf("the page has %q", found)
	}
	if !strings.Contains(page, "default-src &#39;none&#39;") && !strings.Contains(page, "default-src 'none'") {
		t.Error("the page has no policy that loads nothing")
	}
	if page := write(t, &fleet.Report{Date: today}); !strings.Contains(page, "<b>0</b>") {
		t.Error("the page of an empty fleet shows nothing")
	}
	large := write(t, hostileFleet(3000))
	if rows := strings.Count(large, `class="f-row"`); rows == 0 || rows > 120 {
		t.Errorf("the picture of 3,000 images has %d rows", rows)
	}
}

// TestBrowser has a real browser read the page: what it makes of it has the rows, and nothing of others' texts has become an element.
func TestBrowser(t *testing.T) {
	t.Parallel()
	browser := ""
	for _, program := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(program); err == nil {
			browser = path
			break
		}
	}
	switch {
	case testing.Short():
		t.Skip("it starts a browser: run without -short")
	case browser == "":
		t.Skip("there is no chromium: install the package chromium")
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "page.html")
	const count = 50
	if err := os.WriteFile(file, []byte(write(t, hostileFleet(count))), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), browser, "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking",
		"--disable-component-update", "--disable-sync", "--user-data-dir="+filepath.Join(dir, "profile"), "--dump-dom", "file://"+file)
	cmd.Env = append(os.Environ(), "HOME="+dir)
	dom, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v", browser, err)
	}
	text := string(dom)
	for element, want := range map[string]int{
		`<svg id="picture"`: 1, `class="f-row"`: count, "<img": 0, "<script": 0, "<title>Fleet of": 1, "<h1>Fleet of": 1,
	} {
		if got := strings.Count(text, element); got != want {
			t.Errorf("%s is there %d times, want %d", element, got, want)
		}
	}
	_, table, _ := strings.Cut(text, `<table id="images">`)
	table, _, _ = strings.Cut(table, "</table>")
	if rows := strings.Count(table, "<tr>"); rows != count+1 {
		t.Errorf("the table has %d rows, want %d and its head", rows, count)
	}
	if end := strings.TrimSpace(text); !strings.HasSuffix(end, "</html>") || strings.Contains(text, "<title>taken") {
		t.Error("the page was not read as it was written")
	}
}
