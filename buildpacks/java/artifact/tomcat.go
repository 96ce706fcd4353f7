package artifact

import (
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/package-url/packageurl-go"

	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fetch"
	"github.com/strata-buildpacks/strata/buildpacks/kit/layer"
	"github.com/strata-buildpacks/strata/buildpacks/kit/lock"
	"github.com/strata-buildpacks/strata/buildpacks/kit/sbom"
	"github.com/strata-buildpacks/strata/buildpacks/kit/tool"
)

// launcherClass serves a WAR. Its source is in launcher/War.java, which the build compiles with the JDK.
const launcherClass = "strata.War"

//go:embed launcher/War.java
var launcher []byte

// launcherJar is the name of the jar that has the launcher.
const launcherJar = "strata-war.jar"

// core is the id of Tomcat's main library. The others of its own have the same version; ecj, which compiles JSPs, has one of its own.
const (
	core = "tomcat-embed-core"
	ecj  = "ecj"
)

// parts are Tomcat's libraries, in the order of the class path.
var parts = []string{core, "tomcat-embed-el", "tomcat-embed-jasper", "tomcat-embed-websocket", "tomcat-annotations-api", ecj}

// tomcats are the lines of Tomcat, with the servlet API and the oldest release of Java that each is for. The first that fits is taken.
var tomcats = []struct {
	line, api string
	java      int
}{{"11.0", "jakarta", 17}, {"10.1", "jakarta", 11}, {"9.0", "javax", 8}}

// tomcatKey is everything that the layer of Tomcat depends on.
type tomcatKey struct {
	Recipe int         `json:"recipe"`
	Jars   [][2]string `json:"jars"` // package URL and hash
	Serves string      `json:"serves"`
}

// launcherSum stands for the launcher and for what compiles it.
func launcherSum(r Request) string {
	sum := sha256.Sum256(append([]byte(r.JDK+"\n"), launcher...))
	return hex.EncodeToString(sum[:])
}

// tomcatOf stands for all of Tomcat that a lock has, and for the launcher.
func tomcatOf(r Request) string {
	all := sha256.New()
	fmt.Fprintln(all, launcherSum(r))
	for _, one := range r.Lock.Releases {
		if slices.Contains(parts, one.ID) {
			fmt.Fprintln(all, one.PURL, one.Hash)
		}
	}
	return hex.EncodeToString(all.Sum(nil))
}

// tomcat makes the layer of Tomcat, and returns its jars.
func (a *Artifact) tomcat(ctx context.Context, in bp.BuildContext, r Request, k known) (*layer.Layer, []string, error) {
	api, why := a.servlets(k)
	var chosen []lock.Release
	for _, l := range tomcats {
		if l.api == api && (r.Java == 0 || r.Java >= l.java) {
			chosen = partsOf(r.Lock, l.line)
			break
		}
	}
	if len(chosen) == 0 {
		return nil, nil, fault.Fault{ID: "java-war-java", What: fmt.Sprintf("no Tomcat with %s.servlet runs on Java %d", api, r.Java),
			Do: "take Java 17 or newer with BP_JVM_VERSION"}
	}
	in.Log.Decision("Tomcat", chosen[0].Version, why)
	key, jars := tomcatKey{Recipe: recipe, Serves: launcherSum(r)}, []string{launcherJar}
	for _, one := range chosen {
		key.Jars = append(key.Jars, [2]string{one.PURL, one.Hash})
		jars = append(jars, fileOf(one))
	}
	l, err := in.Layers.Contribute(ctx, layer.Request{
		Name: tomcatLayer, Flags: r.flags(), Key: key,
		Fill: func(ctx context.Context, l *layer.Layer) error { return fillTomcat(ctx, in, r, chosen, l) },
	})
	return l, jars, err
}

// servlets returns the servlet API that a WAR is written for, and what says so: its own classes, or else its libraries. Some libraries
// serve both, so what most classes mention counts.
func (a *Artifact) servlets(k known) (api, why string) {
	for _, own := range []bool{true, false} {
		classes := map[string]int{}
		for i, f := range a.files {
			if (f.layer == application) == own {
				classes["javax"] += k.facts[i].Servlets["javax"]
				classes["jakarta"] += k.facts[i].Servlets["jakarta"]
			}
		}
		api = "jakarta"
		if classes["javax"] > classes["jakarta"] {
			api = "javax"
		}
		if classes[api] > 0 {
			return api, fmt.Sprintf("%d classes mention %s.servlet", classes[api], api)
		}
	}
	return "jakarta", "no class names an API of servlets"
}

// partsOf returns the newest libraries of a line of Tomcat.
func partsOf(l lock.Lock, line string) []lock.Release {
	main, found := l.Newest(core, "", func(v string) bool { return strings.HasPrefix(v, line+".") })
	if !found {
		return nil
	}
	all := []lock.Release{main}
	for _, id := range parts[1:] {
		version := main.Version
		if id == ecj {
			version = l.Names[ecj+"/"+line]
		}
		one, found := l.Find(id, "", version)
		if !found {
			return nil
		}
		all = append(all, one)
	}
	return all
}

// fileOf returns the name of a library's file.
func fileOf(r lock.Release) string { return r.ID + "-" + r.Version + ".jar" }

// addressOf returns the address of a library in a repository of Maven's layout.
func addressOf(central string, r lock.Release) (string, error) {
	purl, err := packageurl.FromString(r.PURL)
	if err != nil {
		return "", fault.Internal("%s is no package URL", r.PURL)
	}
	return strings.Join([]string{central, strings.ReplaceAll(purl.Namespace, ".", "/"), purl.Name, r.Version, fileOf(r)}, "/"), nil
}

// fillTomcat fetches the libraries and compiles the launcher.
func fillTomcat(ctx context.Context, in bp.BuildContext, r Request, chosen []lock.Release, l *layer.Layer) error {
	cache, err := in.Cache(ctx, "tomcat-downloads")
	if err != nil {
		return err
	}
	client, err := tool.Client(in.Workspace, cache, "Tomcat "+chosen[0].Version)
	if err != nil {
		return err
	}
	central, err := r.Central()
	if err != nil {
		return err
	}
	l.SBOM = &sbom.Document{Subject: sbom.Component{Name: tomcatLayer}}
	for _, one := range chosen {
		address, err := addressOf(central, one)
		if err != nil {
			return err
		}
		file, err := client.Get(ctx, fetch.Artifact{Name: fileOf(one), Sum: one.Hash, URLs: []string{address}, Setting: r.Setting})
		if err != nil {
			return err
		}
		if err := copyFile(file, filepath.Join(l.Path, fileOf(one))); err != nil {
			return err
		}
		licences := []string{"Apache-2.0"}
		if one.ID == ecj {
			licences = []string{"EPL-2.0"}
		}
		l.SBOM.Components = append(l.SBOM.Components, sbom.Component{
			Name: one.ID, Version: one.Version, PURL: one.PURL, Licenses: licences, SHA256: strings.TrimPrefix(one.Hash, "sha256:"),
		})
	}
	return errors.Join(compileLauncher(ctx, r, l.Path, chosen), os.RemoveAll(cache))
}

// compileLauncher makes the jar of the launcher beside Tomcat's libraries in a folder.
func compileLauncher(ctx context.Context, r Request, dir string, libraries []lock.Release) (err error) {
	work, err := os.MkdirTemp("", "launcher-*")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(work)) }()
	source := filepath.Join(work, "War.java")
	if err := os.WriteFile(source, launcher, 0o644); err != nil {
		return err
	}
	args := []string{"-g:none", "-d", work, "-cp"}
	var path []string
	for _, one := range libraries {
		path = append(path, filepath.Join(dir, fileOf(one)))
	}
	if err := r.Compile(ctx, append(args, strings.Join(path, string(filepath.ListSeparator)), source)...); err != nil {
		return err
	}
	entries := []jarEntry{{name: manifestName, data: manifest{{"Manifest-Version", "1.0"}}.text()}}
	classes, err := filepath.Glob(filepath.Join(work, "strata", "*.class"))
	for _, name := range classes {
		data, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		entries = append(entries, jarEntry{name: "strata/" + filepath.Base(name), data: data})
	}
	return errors.Join(err, writeJar(filepath.Join(dir, launcherJar), entries))
}
