package project

import (
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/version"
)

// What is read of scripts of Gradle, in Groovy and in Kotlin. They are programs: what they compute is not seen.
var (
	comments  = regexp.MustCompile(`(?s)/\*.*?\*/|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|//[^\n]*`)
	toolchain = regexp.MustCompile(`(?:JavaLanguageVersion\.of|jvmToolchain)\s*\(\s*["']?([0-9]+)["']?\s*\)`)
	compat    = regexp.MustCompile(`(?:sourceCompatibility|targetCompatibility|options\.release|jvmTarget)(?:\.set)?\s*[=(]?\s*\(?\s*` +
		`(?:JavaVersion\.VERSION_|JvmTarget\.JVM_)?["']?([0-9]+(?:[._][0-9]+)?)`)
	include = regexp.MustCompile(`(?s)\binclude\b\s*\(?((?:\s*["'][^"'\n]+["']\s*,?)+)`)
	quoted  = regexp.MustCompile(`["']([^"'\n]+)["']`)
	plugin  = regexp.MustCompile(`(?:id|apply plugin\s*:)\s*\(?\s*["']([^"'\n]+)["'](?:\s*\)?\s*version\s*\(?\s*["']([^"'\n]+)["'])?`)
	kotlin  = regexp.MustCompile(`\bkotlin\s*\(\s*["']([^"'\n]+)["']\s*\)(?:\s*version\s*\(?\s*["']([^"'\n]+)["'])?`)
	// dependency has the version of "group:name:version".
	dependency = regexp.MustCompile(`["'][\w.-]+:[\w.-]+:([^"':@\s]+)["':@]`)
	runsNode   = regexp.MustCompile(`commandLine\b[\s(=]*["'](?:node|npm|npx|yarn)["']`)
	bare       = regexp.MustCompile(`(?m)^\s*(application|war|java)\s*$`)
)

// uncommented returns a script without its comments.
func uncommented(text string) string {
	return comments.ReplaceAllStringFunc(text, func(part string) string {
		if strings.HasPrefix(part, "/") {
			return " "
		}
		return part
	})
}

// gradle reads the scripts of a build.
func (r *reader) gradle(file string, s Settings) (Project, error) {
	p := Project{Tool: Gradle, File: file}
	dir := path.Dir(file)
	modules := []string{dir}
	for _, name := range []string{"settings.gradle", "settings.gradle.kts"} {
		text, err := r.read(path.Join(dir, name))
		if err != nil {
			return p, err
		}
		for _, list := range include.FindAllStringSubmatch(uncommented(text), -1) {
			for _, one := range quoted.FindAllStringSubmatch(list[1], -1) {
				inner := path.Join(dir, strings.ReplaceAll(strings.TrimPrefix(one[1], ":"), ":", "/"))
				if filepath.IsLocal(inner) && !slices.Contains(modules, inner) && len(modules) < maxPOMs {
					modules = append(modules, inner)
				}
			}
		}
	}
	var programs []string
	for _, module := range modules {
		program, err := r.gradleModule(module, file, &p)
		if err != nil {
			return p, err
		}
		if program {
			programs = append(programs, module)
		}
	}
	p.Modules, p.Android = modules, p.Android && len(programs) == 0
	if len(programs) > 0 {
		modules = programs
	}
	named, err := r.module("BP_GRADLE_BUILT_MODULE", s.GradleModule)
	if err != nil {
		return p, err
	}
	if named != "" {
		modules = []string{named}
	}
	if p.Outputs, err = outputs("BP_GRADLE_BUILT_ARTIFACT", s.GradleArtifact, modules,
		"build/quarkus-app", "build/install/*", "build/libs/*.war", "build/libs/*.jar"); err != nil {
		return p, err
	}
	wrapped := path.Join(dir, "gradle/wrapper/gradle-wrapper.properties")
	text, err := r.read(wrapped)
	if err != nil || text == "" {
		return p, err
	}
	p.Wrapper = wrapper(wrapped, text, "gradle-")
	if p.Wrapper.Version == "" {
		p.Notes = append(p.Notes, wrapped+" names no release of Gradle, and counts for nothing")
	}
	p.Ask = version.First(version.Ask{Text: p.Wrapper.Version, From: "distributionUrl of " + wrapped})
	p.java.ceiling(newest("Gradle", p.Wrapper.Version), "Gradle "+p.Wrapper.Version+" of "+wrapped)
	return p, nil
}

// gradleModule reads the script of a module, and reports whether it makes a program.
func (r *reader) gradleModule(dir, main string, p *Project) (program bool, err error) {
	for _, name := range []string{"build.gradle", "build.gradle.kts", path.Base(main)} {
		file := path.Join(dir, name)
		text, err := r.read(file)
		if err != nil {
			return false, err
		}
		text = uncommented(text)
		p.Node.Wanted = p.Node.Wanted || runsNode.MatchString(text)
		for _, found := range dependency.FindAllStringSubmatch(text, -1) {
			p.Moving = p.Moving || moving.MatchString(found[1])
		}
		for _, found := range toolchain.FindAllStringSubmatch(text, -1) {
			p.java.only(found[1], "toolchain of "+file)
		}
		for _, found := range compat.FindAllStringSubmatch(text, -1) {
			p.java.minimum(strings.ReplaceAll(found[1], "_", "."), "compatibility of "+file)
		}
		for _, found := range slices.Concat(plugin.FindAllStringSubmatch(text, -1), kotlin.FindAllStringSubmatch(text, -1)) {
			p.Moving = p.Moving || moving.MatchString(found[2])
			p.Android = p.Android || strings.HasPrefix(found[1], "com.android.")
			switch id := found[1]; id {
			case "org.springframework.boot":
				p.java.ceiling(newest("Spring Boot", found[2]), "Spring Boot "+found[2]+" of "+file)
				program = true
			case "jvm", "org.jetbrains.kotlin.jvm":
				p.java.ceiling(newest("Kotlin", found[2]), "Kotlin "+found[2]+" of "+file)
			case "application":
				program = true
				p.starts()
			case "war", "io.quarkus", "com.gradleup.shadow", "com.github.johnrengelman.shadow", "io.ktor.plugin",
				"io.micronaut.application":
				program = true
			case "com.github.node-gradle.node":
				p.Node.Wanted = true
			}
		}
		for _, found := range bare.FindAllStringSubmatch(text, -1) {
			program = program || found[1] != "java"
			if found[1] == "application" {
				p.starts()
			}
		}
	}
	return program, nil
}

// starts has Gradle lay an app out as it is started, with all that it needs.
func (p *Project) starts() { p.Tasks = []string{"installDist"} }

// sbt reads the files of a build with sbt.
func (r *reader) sbt(file string, s Settings) (Project, error) {
	p := Project{Tool: SBT, File: file, Modules: []string{"."}}
	const about = "project/build.properties"
	text, err := r.read(about)
	if err != nil {
		return p, err
	}
	release := strings.TrimSpace(properties(text)["sbt.version"])
	p.Wrapper = Wrapper{File: about, Version: release}
	p.Ask = version.First(version.Ask{Text: release, From: "sbt.version of " + about})
	p.java.ceiling(newest("sbt", release), "sbt "+release+" of "+about)
	module, err := r.module("BP_SBT_BUILT_MODULE", s.SBTModule)
	if err != nil {
		return p, err
	}
	p.Outputs, err = outputs("BP_SBT_BUILT_ARTIFACT", s.SBTArtifact, []string{path.Join(".", module)},
		"target/universal/stage", "target/scala-*/*-assembly*.jar", "target/scala-*/*.jar")
	return p, err
}

// leiningen reads the file of a build with Leiningen.
func (r *reader) leiningen(file string) (Project, error) {
	p := Project{Tool: Leiningen, File: file, Modules: []string{"."}}
	var err error
	p.Outputs, err = outputs("", nil, p.Modules, "target/uberjar/*-standalone.jar", "target/*-standalone.jar", "target/*.jar")
	return p, err
}
