// Package tools builds apps in Java with Maven, Gradle and sbt. It fetches the release of the tool that the app wants and verifies it, and
// runs it with an environment that is told in full. No script of the app is run in place of the tool.
package tools

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/java/project"
	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
	"github.com/strata-buildpacks/strata/buildpacks/kit/command"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/lock"
	"github.com/strata-buildpacks/strata/buildpacks/kit/tool"
	"github.com/strata-buildpacks/strata/buildpacks/kit/tree"
)

// recipe changes when the same inputs make an app otherwise.
const recipe = 1

// Request is what a build is given.
type Request struct {
	Lock     lock.Lock // releases of build tools
	JavaHome string    // folder of the JDK
	Options  []string  // of every Java that is started: whom it trusts
}

// builder builds one app.
type builder struct {
	bp.BuildContext
	Request
	project project.Project
	release release
	from    origin

	tool  string // folder of the build tool
	cache string // folder that the next build finds
	home  string // HOME of the build tool, which ends with the build
}

// Folders returns the folders of the tools of a build that all apps can share. It fetches nothing.
func Folders(l lock.Lock, p project.Project) []string {
	r, err := choose(l, p)
	if err != nil || r.locked.Hash == "" || p.Tool == "" {
		return nil // the build says what is wrong
	}
	return []string{r.folder()}
}

// Install installs a build tool for all apps. It reports whether the tool is one of this package's.
func Install(ctx context.Context, in bp.InstallContext, l lock.Lock) (bool, error) {
	for _, locked := range l.Releases {
		if !slices.Contains([]string{mavenID, gradleID, launcherID}, locked.ID) {
			continue
		}
		r := release{version: locked.Version, locked: locked}
		if r.folder() != in.Tool {
			continue
		}
		from, err := origins(in.Workspace)
		if err != nil {
			return true, err
		}
		t, err := from.tool(r)
		if err == nil {
			_, err = tool.Install(ctx, in.Workspace, in.Dir, t)
		}
		return true, err
	}
	return false, nil
}

// Key returns what the result of a build depends on besides the source and the JDK.
func Key(in bp.Workspace, l lock.Lock, p project.Project) (string, error) {
	if p.Tool == "" {
		return "", nil
	}
	r, err := choose(l, p)
	if err != nil {
		return "", err
	}
	settings, _, err := mavenSettings(in, p)
	if err != nil {
		return "", err
	}
	bound, err := gradleSettings(in, p)
	if err != nil {
		return "", err
	}
	text, err := json.Marshal([]any{recipe, r.folder(), p.Settings, settings.Build, bound, lasting(in.Env)})
	if err != nil {
		return "", err
	}
	return digest(string(text)), nil
}

// Source returns a hash of the app's files, without what the build makes of them.
func Source(app string, p project.Project) (string, error) {
	made := p.Made()
	sum, err := tree.Hash(app, func(e tree.Entry) bool { return e.Name() == ".git" || slices.Contains(made, e.Rel) })
	if err != nil {
		return "", fmt.Errorf("reading the source: %w", err)
	}
	return sum, nil
}

// Describe writes into the log how the app is going to be built.
func Describe(in bp.Workspace, l lock.Lock, p project.Project) error {
	r, err := choose(l, p)
	if err != nil || p.Tool == "" {
		return err
	}
	in.Log.Decision(p.Tool, r.version, r.reason)
	if r.locked.Hash != "" && p.Wrapper.SHA256 != "" && p.Wrapper.Version == r.version && p.Tool == project.Maven {
		in.Log.Bullet("distributionSha256Sum is of %s; the archive that is fetched is vouched for by the lock", p.Wrapper.Archive)
	}
	if p.Tool == project.Maven {
		in.Log.Decision("Dependencies", "compared with the checksums of their repository", "Maven has no lockfile")
	}
	for _, note := range p.Notes {
		in.Log.Bullet("%s", note)
	}
	return nil
}

// Run builds the app in its folder. It returns the files and the folders that may be what the app is started from, as slash paths within
// the app.
func Run(ctx context.Context, in bp.BuildContext, p project.Project, r Request) ([]string, error) {
	b := &builder{BuildContext: in, Request: r, project: p}
	var err error
	if b.release, err = choose(r.Lock, p); err != nil {
		return nil, err
	}
	if b.from, err = origins(in.Workspace); err != nil {
		return nil, err
	}
	if b.cache, err = in.Cache(ctx, strings.ToLower(p.Tool)); err != nil {
		return nil, err
	}
	for _, folder := range p.Made() { // of a build elsewhere: it is not what this source gives
		if err := tree.Remove(filepath.Join(in.AppDir, filepath.FromSlash(folder))); err != nil {
			return nil, fmt.Errorf("removing what another build made: %w", err)
		}
	}
	if b.tool, err = b.install(ctx); err != nil {
		return nil, err
	}
	home, remove, err := command.Home()
	if err != nil {
		return nil, err
	}
	defer remove()
	b.home = home
	if err := b.openNode(ctx); err != nil {
		return nil, err
	}
	done := in.Log.Phase("Building with %s %s", p.Tool, b.release.version)
	switch p.Tool {
	case project.Maven:
		err = b.maven(ctx)
	case project.Gradle:
		err = b.gradle(ctx)
	case project.SBT:
		err = b.sbt(ctx)
	}
	if err != nil {
		return nil, err
	}
	done()
	return b.outputs()
}

// outputs returns what the build made that an app may be started from.
func (b *builder) outputs() ([]string, error) {
	var found []string
	for _, pattern := range b.project.Outputs {
		matches, err := filepath.Glob(filepath.Join(escape(b.AppDir), filepath.FromSlash(pattern)))
		if err != nil {
			return nil, err
		}
		for _, match := range matches {
			rel, err := filepath.Rel(b.AppDir, match)
			if err != nil {
				return nil, err
			}
			if rel = filepath.ToSlash(rel); !slices.Contains(found, rel) {
				found = append(found, rel)
			}
		}
	}
	if len(found) == 0 {
		return nil, fault.Fault{ID: "java-nothing-built", What: fmt.Sprintf("%s made nothing that an app is started from: there is no %s",
			b.project.Tool, strings.Join(b.project.Outputs, ", no ")), Do: b.whichOutput()}
	}
	return found, nil
}

func (b *builder) whichOutput() string {
	prefix := map[string]string{project.Maven: "BP_MAVEN_", project.Gradle: "BP_GRADLE_", project.SBT: "BP_SBT_"}[b.project.Tool]
	return "name the file in " + prefix + "BUILT_ARTIFACT, or the module that makes it in " + prefix + "BUILT_MODULE"
}

// escape returns a path as a pattern that matches it alone.
func escape(path string) string {
	return strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`).Replace(path)
}

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// inCache returns a path below the cache.
func (b *builder) inCache(name string) string { return path.Join(b.cache, name) }
