package java

import (
	"fmt"
	"slices"

	"github.com/strata-buildpacks/strata/buildpacks/java/artifact"
	"github.com/strata-buildpacks/strata/buildpacks/java/jdk"
	"github.com/strata-buildpacks/strata/buildpacks/java/project"
	"github.com/strata-buildpacks/strata/buildpacks/java/startup"
	"github.com/strata-buildpacks/strata/buildpacks/java/tools"
	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/keep"
	"github.com/strata-buildpacks/strata/buildpacks/kit/lock"
)

// plan is how an app is made. It is decided before anything is done, and nothing of it changes.
type plan struct {
	settings
	artifact artifact.Settings
	project  project.Project
	java     jdk.Choice
	keep     keep.Patterns
	lock     lock.Lock
	archive  startup.Kind // "" for none
	desktop  bool         // asked for
	headless bool         // asked for without
}

// Ways in which the runtime of an image is made.
const (
	linkShared = "shared" // one of those that all apps share
	linkApp    = "app"    // with the modules that the app mentions
	linkOff    = "off"    // with all modules of the JDK
)

// decide reads and checks all that is known before the app is built.
func decide(in bp.Workspace) (plan, error) {
	var p plan
	if libc, because := in.Target.Libc(); libc != bp.Glibc {
		return p, fault.Fault{ID: "java-target", What: "Java needs glibc, and the run image has none (" + because + ")",
			Do: "build for a run image with glibc, such as strata/run-glibc:13"}
	}
	var builds project.Settings
	for _, into := range []any{&p.settings, &p.artifact, &builds} {
		if err := in.Config.Decode(into); err != nil {
			return p, err
		}
	}
	if err := p.check(); err != nil {
		return p, err
	}
	var err error
	if p.keep, err = keep.Parse(p.KeepFiles); err != nil {
		return p, err
	}
	if p.project, err = project.Find(in.AppDir, builds); err != nil {
		return p, err
	}
	if p.lock, err = lock.Read(lockFile); err != nil {
		return p, err
	}
	if p.java, err = jdk.Choose(in, p.lock, p.project.Java()...); err != nil {
		return p, err
	}
	return p, p.checkArchive()
}

// checkArchive decides on the archive by which the app starts faster.
func (p *plan) checkArchive() error {
	old := func(variable string, since int, instead string) error {
		return fault.Fault{ID: "java-archive-old", Do: instead,
			What: fmt.Sprintf("%s needs Java %d, and the app has %s", variable, since, p.java.Version)}
	}
	switch {
	case p.AOT && p.java.Major() < 25:
		return old("BP_JVM_AOTCACHE_ENABLED", 25, "set BP_JVM_CDS_ENABLED instead, or take Java 25")
	case p.AOT:
		p.archive = startup.AOT
	case p.CDS && p.java.Major() < 17:
		return old("BP_JVM_CDS_ENABLED", 17, "take Java 17 or newer")
	case p.CDS:
		p.archive = startup.CDS
	}
	return nil
}

// check reads the settings that are words.
func (p *plan) check() error {
	if !slices.Contains([]string{linkShared, linkApp, linkOff}, p.JLink) {
		return fault.Fault{ID: "java-jlink", What: fmt.Sprintf("BP_JVM_JLINK is %q", p.JLink), Do: "set it to shared, app or off"}
	}
	switch p.Desktop {
	case "auto":
	case "true":
		p.desktop = true
	case "false":
		p.headless = true
	default:
		return fault.Fault{ID: "java-desktop", What: fmt.Sprintf("BP_JVM_DESKTOP is %q", p.Desktop), Do: "set it to auto, true or false"}
	}
	return nil
}

// tools returns the tools that a build of the app would use, and that all apps can share.
func (p plan) tools() []string {
	names := tools.Folders(p.lock, p.project)
	if !p.java.Vendor() {
		names = append([]string{p.java.Kit(jdk.Source{}).Folder}, names...)
	}
	return names
}

// runtime returns the runtime for what an artifact needs, and why it is that one.
func (p plan) runtime(needs artifact.Needs, jars int) (jdk.Runtime, string) {
	switch {
	case p.JLink == linkOff:
		return p.java.All(), "all modules: BP_JVM_JLINK"
	case p.JLink == linkApp:
		return p.java.Runtime("app", append([]string{"java.base"}, needs.Modules...)...).With(p.Modules...), "the app's modules: BP_JVM_JLINK"
	case jars == 1 && p.java.Web().Has(needs.Modules) && len(p.Modules) == 0 && !p.desktop:
		return p.java.Web(), "for programs that need no more modules than servers of HTTP"
	case len(p.Modules) > 0:
		return p.java.Server().With(p.Modules...), "for any program, with BP_JVM_MODULES"
	}
	return p.java.Server(), "for any program"
}
