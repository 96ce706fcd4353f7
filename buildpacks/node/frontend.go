package node

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
	"github.com/strata-buildpacks/strata/buildpacks/kit/sbom"
)

// site is the name in the build plan of the files that a front end is, which another buildpack serves.
const site = "site"

// FrontEnd is the buildpack strata/front-end: it runs the build scripts of an app that is no server, and leaves the files
// that they make to the buildpack that serves them. Node.js and packages are there for the build alone, so any run image fits.
func FrontEnd() bp.Buildpack {
	return bp.Buildpack{ID: "strata/front-end", Detect: detectFrontEnd, Build: buildFrontEnd, Install: Install}
}

func detectFrontEnd(_ context.Context, in bp.DetectContext) (bp.DetectResult, error) {
	var s settings
	if err := in.Config.Decode(&s); err != nil {
		return bp.DetectResult{}, err
	}
	// What is wrong with the app is strata/node's to say.
	d := decision{settings: s}
	if _, err := os.Stat(filepath.Join(in.AppDir, s.ProjectPath, manifestFile)); errors.Is(err, fs.ErrNotExist) {
		return bp.Fail("no package.json"), nil
	}
	if err := d.findProject(in.AppDir); err != nil {
		return bp.Fail(err.Error()), nil
	}
	tool, why := d.frontEnd(in)
	if tool == "" {
		return bp.Fail(why), nil
	}
	return bp.Pass("built by "+tool, bp.Plan{Provides: []string{"node", site}, Requires: []bp.Entry{bp.Tools("node", wanted(in)...)}}), nil
}

// makers are packages that make files for browsers, and servers those that make of such an app a program for Node.js.
var (
	makers = []string{
		"vite", "rolldown-vite", "@angular/cli", "@angular/build", "react-scripts", "@vue/cli-service", "parcel", "astro", "gatsby", "vitepress", "vuepress",
		"@11ty/eleventy", "@docusaurus/core", "webpack", "webpack-cli", "@rspack/cli", "@rsbuild/core", "preact-cli", "ember-cli", "hexo", "@stencil/core", "snowpack", "storybook",
	}
	servers = []string{"@sveltejs/adapter-node", "@astrojs/node", "@angular/ssr", "@nestjs/core", "nuxt", "next", "@remix-run/node", "@react-router/node", "@tanstack/react-start", "nitropack", "express", "fastify", "koa", "@hapi/hapi"}
)

// exporter is a package that makes a server, unless its configuration says that it makes files for browsers.
type exporter struct {
	name, title, configuration string
	files                      *regexp.Regexp // matches such a configuration
}

var exporters = []exporter{
	{"next", "Next.js, as an export", "next.config", regexp.MustCompile(`\boutput["']?\s*:\s*["']export["']`)},
	{"@react-router/dev", "React Router, without a server", "react-router.config", regexp.MustCompile(`\bssr["']?\s*:\s*false`)},
}

func (e exporter) says(dir string) bool {
	for _, extension := range []string{".js", ".mjs", ".cjs", ".ts", ".mts"} {
		if data, err := os.ReadFile(filepath.Join(dir, e.configuration+extension)); err == nil && e.files.Match(data) {
			return true
		}
	}
	return false
}

// has tells whether the app asks for a package.
func (d decision) has(name string) bool {
	return d.manifest.Dependencies[name] != "" || d.manifest.Dev[name] != ""
}

// development are the scripts start, as they begin, that serve a front end to its developer.
var development = []string{
	"vite", "ng", "react-scripts", "react-app-rewired", "craco", "vue-cli-service", "parcel", "astro dev", "astro preview", "gatsby", "vitepress", "vuepress",
	"eleventy", "npx @11ty/eleventy", "docusaurus", "webpack", "webpack-dev-server", "rspack", "rsbuild", "ember", "hexo", "stencil", "preact",
}

// generates matches a build script with which Nuxt makes files and no server.
var generates = regexp.MustCompile(`\bnux[ti] generate\b`)

// frontEnd returns which package makes the app's files, or "" and why the app is no front end.
func (d decision) frontEnd(in bp.DetectContext) (tool, why string) {
	if procfile, err := os.ReadFile(filepath.Join(in.AppDir, "Procfile")); err == nil && procfileWeb.Match(procfile) {
		return "", "the Procfile starts a server"
	}
	if !slices.ContainsFunc(d.Scripts, func(name string) bool { return d.manifest.Scripts[name] != "" }) {
		return "", "no build script"
	}
	for _, one := range exporters {
		if d.has(one.name) && one.says(d.project) {
			return one.title, ""
		}
	}
	if start := d.command("start"); start != "" {
		if !slices.ContainsFunc(development, func(begin string) bool { return start == begin || strings.HasPrefix(start, begin+" ") }) {
			return "", "the script start starts a server"
		}
	} else if d.manifest.Main != "" {
		return "", "main is " + d.manifest.Main
	}
	for _, name := range []string{"server.js", "index.js"} {
		if _, err := os.Stat(filepath.Join(d.project, name)); err == nil {
			return "", name + " found"
		}
	}
	if d.has("nuxt") && slices.ContainsFunc(d.Scripts, func(name string) bool { return generates.MatchString(d.manifest.Scripts[name]) }) {
		return "nuxt generate", ""
	}
	if i := slices.IndexFunc(servers, d.has); i >= 0 {
		return "", "the app has " + servers[i]
	}
	if i := slices.IndexFunc(makers, d.has); i >= 0 {
		return makers[i], ""
	}
	return "", "no package that makes files for browsers"
}

// command returns what a script starts, without variables before it and, where that is another script, what that one starts.
func (d decision) command(name string, seen ...string) string {
	words := strings.Fields(d.manifest.Scripts[name])
	for len(words) > 0 && (words[0] == "cross-env" || words[0] == "env" || strings.Contains(words[0], "=")) {
		words = words[1:]
	}
	seen = append(seen, name)
	if len(words) == 3 && words[1] == "run" && slices.Contains(absent, words[0]) && d.manifest.Scripts[words[2]] != "" && !slices.Contains(seen, words[2]) {
		return d.command(words[2], seen...)
	}
	return strings.Join(words, " ")
}

func buildFrontEnd(ctx context.Context, in bp.BuildContext) (bp.BuildResult, error) {
	b, err := begin(ctx, in, true)
	if err != nil {
		return bp.BuildResult{}, err
	}
	defer func() { _ = os.RemoveAll(b.scratch) }() // below the temporary folder, which ends with the build
	if err := b.runFrontEnd(ctx); err != nil {
		return bp.BuildResult{}, err
	}
	if err := b.link(""); err != nil {
		return bp.BuildResult{}, err
	}
	if !b.hasPackages() {
		return bp.BuildResult{}, nil
	}
	bill, err := b.bill(ctx)
	return bp.BuildResult{LaunchBOM: bill}, err
}

// runFrontEnd runs the build scripts. A folder public that they leave as it was is what they make a site of, with a template of its
// page, and not the site.
func (b *builder) runFrontEnd(ctx context.Context) error {
	public := filepath.Join(b.project, "public")
	if _, err := os.Stat(public); err != nil || len(b.scripts) == 0 || b.Env["BP_WEB_SERVER_ROOT"] != "" {
		return b.runScripts(ctx)
	}
	before, err := hashTree(public)
	if err != nil {
		return err
	}
	if err := b.runScripts(ctx); err != nil {
		return err
	}
	if _, err := os.Stat(public); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if after, err := hashTree(public); err != nil || after != before {
		return err
	}
	if err := os.RemoveAll(public); err != nil {
		return fmt.Errorf("leaving out what the site was made of: %w", err)
	}
	return nil
}

// bill lists the packages that are not only for development: a bundle has something of them.
func (b *builder) bill(ctx context.Context) (*sbom.Document, error) {
	if b.pnp {
		dir, err := b.productionPnP(ctx)
		if err != nil {
			return nil, err
		}
		all, err := b.readPnP(dir)
		if err != nil {
			return nil, err
		}
		return all.bill(filepath.Join(dir, ".yarn"), b.subject())
	}
	dir, err := b.installed(ctx)
	if err != nil {
		return nil, err
	}
	got, err := b.production(ctx, dir)
	if err != nil {
		return nil, err
	}
	return got.bill(b.subject()), nil
}
