package artifact

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/keep"
	"github.com/strata-buildpacks/strata/buildpacks/kit/layer"
	"github.com/strata-buildpacks/strata/buildpacks/kit/lock"
	"github.com/strata-buildpacks/strata/buildpacks/kit/procfile"
)

// recipe changes whenever the same files give other layers.
const recipe = 3

// Request says how an artifact is placed.
type Request struct {
	Ready   bool          // the app is what is started, and no build made it
	Java    int           // the release of Java that it will run on
	Inputs  string        // a hash of all that the build of the artifact depends on
	Keep    keep.Patterns // files of the source that stay
	Lock    lock.Lock     // has the libraries of Tomcat
	Central func() (string, error)
	Setting string                                          // the variable that holds the address that Central returns
	OnDisk  bool                                            // layers are to be there when the build goes on, those of the previous image, too
	JDK     string                                          // names the javac that Compile calls
	Compile func(ctx context.Context, args ...string) error // calls javac
}

// flags returns those of a layer.
func (r Request) flags() layer.Flags { return layer.Flags{Launch: true, Cache: r.OnDisk} }

// Start is how an artifact is started: java OPTIONS -cp CLASSPATH MAIN ARGS.
type Start struct {
	Main      string   `json:"main"`
	ClassPath []string `json:"classPath"` // absolute paths in the image, in order
	Options   []string `json:"options,omitempty"`
	Args      []string `json:"args,omitempty"`
	Kind      string   `json:"kind"`
	Artifact  string   `json:"artifact"`         // path in the app's folder
	Script    string   `json:"script,omitempty"` // the start script that was read, as such a path
	Spring    bool     `json:"spring,omitempty"`
	WAR       bool     `json:"war,omitempty"`
	Needs     Needs    `json:"needs"`
}

// placed is the key of the application's layer: everything that it depends on, and all that the next build has to know if it has the same
// inputs.
type placed struct {
	Recipe int        `json:"recipe"`
	Inputs string     `json:"inputs"`
	Start  Start      `json:"start"`
	Files  []keyed    `json:"files"`
	Others []otherKey `json:"others"`
	Target [3]string  `json:"target"`
	Java   int        `json:"java"`
	Tomcat string     `json:"tomcat,omitempty"` // what Tomcat a WAR has, and what serves it
}

// otherKey is the key of another layer.
type otherKey struct {
	Name string          `json:"name"`
	Key  json.RawMessage `json:"key"`
}

// librariesKey is everything that a layer of libraries depends on. It is the same for the same libraries in all apps.
type librariesKey struct {
	Recipe int               `json:"recipe"`
	Files  []keyed           `json:"files"`
	Links  map[string]string `json:"links,omitempty"`
}

// keyed is a file of a layer and the hash of its content.
type keyed struct {
	To  string `json:"to"`
	Sum string `json:"sum"`
}

// Before returns how the app of the build before is started, if that build had the same inputs and its layers are there. It keeps these,
// and clears the app's folder. If it reports false, nothing was done.
func Before(ctx context.Context, in bp.BuildContext, r Request) (Start, bool, error) {
	var key placed
	found, err := in.Layers.KeyBefore(application, &key)
	if err != nil || !found || key.Inputs != r.Inputs || key.Recipe != recipe || key.Java != r.Java || key.Target != targetOf(in.Target) {
		return Start{}, false, err
	}
	if key.Start.WAR && key.Tomcat != tomcatOf(r) {
		return Start{}, false, nil
	}
	for _, other := range key.Others {
		var before json.RawMessage
		if found, err := in.Layers.KeyBefore(other.Name, &before); err != nil || !found || string(before) != string(other.Key) {
			return Start{}, false, err
		}
	}
	var own json.RawMessage
	if _, err := in.Layers.KeyBefore(application, &own); err != nil {
		return Start{}, false, err
	}
	all := append(key.Others, otherKey{application, own})
	for _, one := range all {
		if _, err := os.Stat(filepath.Join(in.Layers.Path(), one.Name)); r.OnDisk && err != nil {
			return Start{}, false, nil //nolint:nilerr // it is made again
		}
	}
	for _, one := range all {
		_, err := in.Layers.Contribute(ctx, layer.Request{
			Name: one.Name, Flags: r.flags(), Key: one.Key,
			Fill: func(context.Context, *layer.Layer) error {
				return fault.Internal("layer %s is not there again", one.Name)
			},
		})
		if err != nil {
			return Start{}, false, err
		}
	}
	return key.Start, true, r.clear(in)
}

// besideJar are names of what programs read of the folder that they are started in: Spring Boot's settings.
var besideJar = []string{"config", "application*.properties", "application*.yml", "application*.yaml"}

// clear empties the app's folder except for files that stay. Of an app that nobody builds, these are the settings beside its jar, too.
func (r Request) clear(in bp.BuildContext) error {
	patterns := r.Keep
	for _, name := range besideJar {
		found, err := filepath.Glob(filepath.Join(in.AppDir, name))
		if err != nil || len(found) == 0 || !r.Ready {
			continue
		}
		more, err := keep.Parse([]string{name})
		if err != nil {
			return err
		}
		patterns = append(slices.Clone(patterns), more...)
	}
	return patterns.Clear(in.AppDir, in.Log, procfile.Name)
}

// leftOut warns of what is beside an app's jars and does not come into the image.
func (p *placing) leftOut() error {
	entries, err := os.ReadDir(p.AppDir)
	if err != nil || !p.request.Ready {
		return err
	}
	used := map[string]bool{}
	for _, f := range p.files {
		for _, m := range append([]jarEntry{{member: f.member}}, f.entries...) {
			top, _, _ := strings.Cut(path.Join(m.member.folder(), m.member.at), "/")
			used[top] = true
		}
	}
	top, _, _ := strings.Cut(p.Path, "/")
	used[top] = true
	var names []string
	for _, e := range entries {
		name := e.Name()
		settings := slices.ContainsFunc(besideJar, func(pattern string) bool { is, _ := path.Match(pattern, name); return is })
		if !used[name] && !settings && !p.request.Keep.Keeps(name) && !notRead().MatchString(name) && !jarParts[name] {
			names = append(names, name)
		}
	}
	if len(names) > 0 {
		p.Log.Warn("the image has nothing of %s: name in %s what the app reads", list(names), keep.Variable)
	}
	return nil
}

// notRead matches names of files that are for people and for other tools.
var notRead = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?i)^(\..*|Procfile|project\.toml|.*\.(md|adoc)|licen[cs]e.*|notice.*|readme.*|dockerfile.*|.*compose\.ya?ml)$`)
})

// jarParts are what an unpacked jar has at its top besides classes.
var jarParts = map[string]bool{"META-INF": true, "BOOT-INF": true, "WEB-INF": true, "org": true}

func targetOf(t bp.Target) [3]string { return [3]string{t.OS, t.Arch, t.Distro} }

// Place makes the layers of an artifact, and clears the app's folder except for files that stay.
func Place(ctx context.Context, in bp.BuildContext, a *Artifact, r Request) (Start, error) {
	in.Log.Decision("Artifact", a.Path, strings.TrimSuffix(a.Kind+", "+a.Reason, ", "))
	for _, name := range a.missing {
		in.Log.Warn("the class path of %s names %s, which is not there", a.Path, name)
	}
	if a.agent != "" {
		in.Log.Warn("the manifest of %s has the Launcher-Agent-Class %s, which is not started; name its jar in JAVA_TOOL_OPTIONS=-javaagent:…",
			a.Path, a.agent)
	}
	cache, err := in.Cache(ctx, "jars")
	if err != nil {
		return Start{}, err
	}
	k, err := a.learn(ctx, cache)
	if err != nil {
		return Start{}, err
	}
	for _, line := range a.warnings(in.Target, k) {
		in.Log.Warn("%s", line)
	}
	p := &placing{BuildContext: in, Artifact: a, known: k, request: r}
	start := Start{
		Main: a.main, Kind: a.Kind, Artifact: a.Path, Script: a.script, Args: a.args,
		Spring: a.spring, WAR: a.war, Needs: a.needs(k),
	}
	key := placed{Recipe: recipe, Inputs: r.Inputs, Target: targetOf(in.Target), Java: r.Java}
	if a.war {
		key.Tomcat = tomcatOf(r)
		if err := p.tomcat(ctx, &start, &key); err != nil {
			return Start{}, err
		}
	}
	for _, f := range a.files {
		if f.onPath {
			start.ClassPath = append(start.ClassPath, p.at(f.layer, f.to))
		}
	}
	for _, name := range []string{dependencies, snapshots} {
		if err := p.libraries(ctx, name, &key); err != nil {
			return Start{}, err
		}
	}
	if err := p.leftOut(); err != nil {
		return Start{}, err
	}
	start.Options = optionsOf(r.Java, append(start.Options, a.options...))
	key.Start, key.Files = start, p.keys(application)
	_, err = in.Layers.Contribute(ctx, layer.Request{
		Name: application, Flags: r.flags(), Key: key,
		Fill: func(_ context.Context, l *layer.Layer) error { return p.fill(l) },
	})
	if err != nil {
		return Start{}, err
	}
	return start, r.clear(in)
}

// placing puts an artifact into layers.
type placing struct {
	bp.BuildContext
	*Artifact
	known
	request Request
}

// at returns the path of a layer's file in the image.
func (p *placing) at(name string, to ...string) string {
	return filepath.Join(append([]string{p.Layers.Path(), name}, to...)...)
}

// tomcat adds Tomcat's layer, and how it is told of the WAR.
func (p *placing) tomcat(ctx context.Context, start *Start, key *placed) error {
	l, jars, err := p.Artifact.tomcat(ctx, p.BuildContext, p.request, p.known)
	if err != nil {
		return err
	}
	for _, jar := range jars {
		start.ClassPath = append(start.ClassPath, p.at(tomcatLayer, jar))
	}
	key.Others = append(key.Others, otherKey{tomcatLayer, json.RawMessage(l.Key)})
	start.Args = []string{p.at(application, "war"), contextPath(p.contextPath)}
	for _, name := range []string{dependencies, snapshots} {
		if len(p.keys(name)) > 0 {
			start.Args = append(start.Args, p.at(name))
		}
	}
	// What Tomcat's own scripts open to it.
	for _, one := range []string{"java.base/java.lang", "java.base/java.io", "java.base/java.util", "java.base/java.util.concurrent"} {
		start.Options = append(start.Options, "--add-opens="+one+"=ALL-UNNAMED")
	}
	return nil
}

// optionsOf returns the options that a release of Java knows, which ends at others. 0 is for one that knows all.
func optionsOf(release int, options []string) []string {
	return slices.DeleteFunc(options, func(option string) bool {
		native := strings.HasPrefix(option, "--enable-native-access")
		return release > 0 && strings.HasPrefix(option, "--") && (release < 9 || native && release < 17)
	})
}

// contextPath returns a context path as Tomcat has it: "" for "/", and else "/name".
func contextPath(text string) string {
	if text = strings.Trim(text, "/"); text == "" {
		return ""
	}
	return "/" + text
}

// keys returns the files of a layer with their hashes, in order of their names.
func (p *placing) keys(name string) []keyed {
	var keys []keyed
	for i, f := range p.files {
		if f.layer == name {
			keys = append(keys, keyed{f.to, p.sums[i]})
		}
	}
	slices.SortFunc(keys, func(a, b keyed) int { return cmp.Compare(a.To, b.To) })
	return keys
}

// libraries makes a layer of libraries, if there are any.
func (p *placing) libraries(ctx context.Context, name string, key *placed) error {
	own := librariesKey{Recipe: recipe, Files: p.keys(name)}
	if name == dependencies && len(p.links) > 0 {
		own.Links = map[string]string{}
		for from, to := range p.links {
			own.Links[from] = p.at(to)
		}
	}
	if len(own.Files)+len(own.Links) == 0 {
		return nil
	}
	l, err := p.Layers.Contribute(ctx, layer.Request{
		Name: name, Flags: p.request.flags(), Key: own,
		Fill: func(_ context.Context, l *layer.Layer) error { return p.fill(l) },
	})
	if err != nil {
		return err
	}
	key.Others = append(key.Others, otherKey{name, json.RawMessage(l.Key)})
	return nil
}

// fill writes the files of a layer, and what they are.
func (p *placing) fill(l *layer.Layer) error {
	for _, f := range p.files {
		if f.layer != l.Name {
			continue
		}
		to := filepath.Join(l.Path, filepath.FromSlash(f.to))
		folder := filepath.Dir(to)
		if f.folder {
			folder = to
		}
		if err := os.MkdirAll(folder, 0o755); err != nil {
			return jarFault(f.String(), "it is below a file", err)
		}
		if err := f.write(to); err != nil {
			return err
		}
	}
	if l.Name == dependencies {
		for from, to := range p.links {
			link := filepath.Join(l.Path, filepath.FromSlash(from))
			if err := errors.Join(os.MkdirAll(filepath.Dir(link), 0o755), os.Symlink(p.at(to), link)); err != nil {
				return err
			}
		}
	}
	l.SBOM = p.document(l.Name)
	if l.Name == application && p.war { // Tomcat looks at it, even if there is nothing but libraries
		return os.MkdirAll(filepath.Join(l.Path, "war"), 0o755)
	}
	return nil
}

// write writes the file.
func (f file) write(to string) error {
	switch {
	case f.folder:
		return nil
	case f.entries != nil:
		return writeJar(to, f.entries)
	}
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	if _, err := f.copy(out); err != nil {
		return errors.Join(jarFault(f.String(), "it cannot be copied", err), out.Close())
	}
	return out.Close()
}

// copyFile copies a file of ours.
func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}
