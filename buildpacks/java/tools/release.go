package tools

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/Masterminds/semver/v3"

	"github.com/strata-buildpacks/strata/buildpacks/java/project"
	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fetch"
	"github.com/strata-buildpacks/strata/buildpacks/kit/lock"
	"github.com/strata-buildpacks/strata/buildpacks/kit/tool"
	"github.com/strata-buildpacks/strata/buildpacks/kit/tree"
	"github.com/strata-buildpacks/strata/buildpacks/kit/unpack"
	"github.com/strata-buildpacks/strata/buildpacks/kit/version"
)

// Ids of tools in the lock.
const (
	mavenID    = "maven"
	gradleID   = "gradle"
	launcherID = "sbt-launch"
)

// Variables that say where tools come from.
const (
	MirrorVariable       = "BP_MAVEN_MIRROR"
	GradleMirrorVariable = "STRATA_GRADLE_MIRROR"
)

// release is a release of a build tool.
type release struct {
	version string
	reason  string       // why this one
	locked  lock.Release // that vouches for it; the zero value if the app's wrapper does
	wrapper project.Wrapper
}

// exact matches a version that can be fetched whether it is locked or not.
var exact = regexp.MustCompile(`^[0-9]+(\.[0-9]+){1,3}(-[A-Za-z]+-?[0-9]+)?$`)

// choose returns the release of the app's build tool. It has no effects.
func choose(l lock.Lock, p project.Project) (release, error) {
	if p.Tool == "" {
		return release{}, nil
	}
	id, found := map[string]string{project.Maven: mavenID, project.Gradle: gradleID, project.SBT: launcherID}[p.Tool]
	if !found {
		return release{}, fault.Fault{ID: "java-tool",
			What: p.File + " is of " + p.Tool + ", whose packages are in a repository of its own that vouches for none of them",
			Do:   "build the app elsewhere, and give the folder of its jar: a jar needs no build"}
	}
	ask := p.Ask
	if p.Tool == project.SBT {
		ask = version.Ask{} // the launcher fetches the release that project/build.properties names
	}
	t := version.Tool{Title: p.Tool, ID: id, Lock: l, Arch: "", Default: "default", Like: l.Default[id], Read: readVersion}
	choice, err := t.Choose(ask)
	if err != nil {
		return release{}, err
	}
	r := release{version: choice.Version, reason: choice.Reason}
	locked, found := l.Find(id, "", choice.Version)
	switch {
	case found:
		r.locked = locked
		if w := p.Wrapper; w.Version == r.version && w.SHA256 != "" && strings.HasSuffix(w.Archive, "-bin.zip") && id == gradleID &&
			locked.Hash != "sha256:"+w.SHA256 {
			return release{}, fault.Fault{ID: "java-wrapper-hash",
				What: fmt.Sprintf("distributionSha256Sum of %s is not that of %s", w.File, w.Archive),
				Do:   "find out who changed it: the release has the hash " + strings.TrimPrefix(locked.Hash, "sha256:")}
		}
	case p.Wrapper.Version == choice.Version && p.Wrapper.SHA256 != "":
		r.wrapper = p.Wrapper
	default:
		of := p.Wrapper.File
		if of == "" {
			of = "the wrapper's properties"
		}
		return release{}, fault.Fault{ID: "java-tool-unknown",
			Do:   "add distributionSha256Sum to " + of + ", or ask for a release that is known, such as " + l.Default[id],
			What: fmt.Sprintf("%s is %s, a %s that this builder knows no hash of", ask.From, ask.Text, p.Tool)}
	}
	return r, nil
}

// readVersion reads a version: all of it, or the line of which the newest is meant.
func readVersion(text string) []version.Range {
	if !exact.MatchString(text) && !line.MatchString(text) {
		return nil
	}
	same := version.Range{Allows: func(v string) bool { return v == text }}
	if strings.Count(text, ".") >= 2 || strings.Contains(text, "-") {
		same.Else = text
		return []version.Range{same}
	}
	ranges := []version.Range{same}
	if allowed, err := semver.NewConstraint("~" + text); err == nil {
		ranges = append(ranges, version.Range{Allows: func(v string) bool {
			parsed, err := semver.NewVersion(v)
			return err == nil && allowed.Check(parsed)
		}})
	}
	return append(ranges, version.Range{Else: text})
}

var line = regexp.MustCompile(`^[0-9]+$`)

// folder returns the name of the tool's folder. One that only an app vouches for has a name of its own.
func (r release) folder() string {
	if r.locked.Hash != "" {
		return r.locked.ID + "-" + r.version
	}
	return strings.TrimSuffix(strings.TrimSuffix(r.wrapper.Archive, ".zip"), ".tar.gz") + "-" + r.wrapper.SHA256[:16]
}

// origin is where tools come from, as the builder's and the user's settings say.
type origin struct {
	central string // address of Maven Central or a mirror, which may have a login; "" for none
	gradle  string // address of a folder with Gradle's distributions, "" for none
}

// origins returns where tools come from: the variable goes before the mirror of a settings.xml that is bound.
func origins(in bp.Workspace) (origin, error) {
	o := origin{central: strings.TrimRight(in.Env[MirrorVariable], "/"), gradle: strings.TrimRight(in.Env[GradleMirrorVariable], "/")}
	if o.central != "" {
		return o, nil
	}
	settings, _, err := mavenSettings(in, project.Project{})
	if err != nil {
		return o, err
	}
	mirror, found := settings.Central()
	if !found {
		return o, nil
	}
	address, err := url.Parse(mirror.Address)
	if err != nil {
		return o, fault.Fault{ID: "java-mirror", What: "the mirror " + mirror.ID + " of settings.xml has no address", Do: "correct its url"}
	}
	if user, password := settings.Login(mirror.ID); password != "" {
		address.User = url.UserPassword(user, password)
	}
	o.central = strings.TrimRight(address.String(), "/")
	return o, nil
}

// plain returns the address of Maven Central without its login, and the login.
func (o origin) plain() (address *url.URL, user, password string, err error) {
	address, err = url.Parse(o.central)
	if err != nil || address.Host == "" {
		return nil, "", "", fault.Fault{ID: "java-mirror", What: MirrorVariable + " is no address",
			Do: "write it like https://mirror.example.test/maven"}
	}
	if address.User != nil {
		user = address.User.Username()
		password, _ = address.User.Password()
		address.User = nil
	}
	return address, user, password, nil
}

// Central returns the address of Maven Central or of a mirror of it, without a slash at its end. It may have a login.
func Central(in bp.Workspace) (string, error) {
	o, err := origins(in)
	if err == nil && o.central == "" {
		err = noMirror("files of Maven Central")
	}
	return o.central, err
}

// tool returns how a release is installed.
func (o origin) tool(r release) (tool.Tool, error) {
	isGradle := r.locked.ID == gradleID || strings.HasPrefix(r.wrapper.Archive, "gradle-")
	var file, title, setting string
	address := o.central
	switch {
	case isGradle:
		address, title, setting, file = o.gradle, "Gradle", GradleMirrorVariable, "gradle-"+r.version+"-bin.zip"
		if r.locked.Hash == "" {
			file = r.wrapper.Archive
		}
		if address == "" {
			return tool.Tool{}, fault.Fault{ID: "java-gradle-mirror",
				What: fmt.Sprintf("Gradle %s cannot be fetched: %s is not set, and Gradle is in no package registry", r.version, setting),
				Do:   "set it to the address of the folder of Gradle's server, or of a mirror, that has " + file}
		}
	case r.locked.ID == launcherID:
		title, setting, file = "sbt's launcher", MirrorVariable, artifacts[1].path(r.version)
	default:
		title, setting, file = "Maven", MirrorVariable, artifacts[0].path(r.version)
		if r.locked.Hash == "" {
			file = filepath.Dir(file) + "/" + r.wrapper.Archive
		}
	}
	title += " " + r.version
	t := tool.Tool{Folder: r.folder(), Title: title}
	t.Fill = func(ctx context.Context, client *fetch.Client, dir string) error {
		if address == "" {
			return noMirror(title)
		}
		sum := r.locked.Hash
		if sum == "" {
			sum = "sha256:" + r.wrapper.SHA256
		}
		got, err := client.Get(ctx, fetch.Artifact{Name: title, Sum: sum, URLs: []string{address + "/" + file}, Setting: setting})
		if err != nil {
			return err
		}
		return r.put(got, title, dir)
	}
	return t, nil
}

// put puts the file of a release into the tool's folder.
func (r release) put(file, title, dir string) error {
	if r.locked.ID == launcherID {
		data, err := tree.ReadFile(file)
		if err != nil {
			return err
		}
		return tree.WriteFile(filepath.Join(dir, launcherID+".jar"), data)
	}
	err := unpack.Archive(file, dir, unpack.Options{Strip: 1})
	if err == nil {
		err = programs(dir) // an archive may have no modes
	}
	if err != nil {
		return fault.Fault{ID: "java-tool-archive", What: title + " is no archive that can be unpacked", Err: err,
			Do: "name another release, or correct the hash of the wrapper's properties"}
	}
	return nil
}

// programs makes the programs of a build tool executable.
func programs(dir string) error {
	files, err := filepath.Glob(filepath.Join(escape(dir), "bin", "*"))
	for _, file := range files {
		err = errors.Join(err, os.Chmod(file, 0o755))
	}
	return err
}

// install returns the folder of the app's build tool.
func (b *builder) install(ctx context.Context) (string, error) {
	t, err := b.from.tool(b.release)
	if err != nil {
		return "", err
	}
	return tool.Install(ctx, b.Workspace, b.inCache("tools"), t)
}
