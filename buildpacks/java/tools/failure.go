package tools

import (
	"context"
	"errors"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/java/project"
	"github.com/strata-buildpacks/strata/buildpacks/kit/command"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

// noSpace matches what Java and the C library call a full disk.
var noSpace = regexp.MustCompile(`(?i)no space left on device|disk quota exceeded`)

// mistake is what a line of a build tool says that has a next step of its own.
type mistake struct {
	line *regexp.Regexp
	fault.Fault
}

// mistakes returns all that are known, those that explain others first. Most builds never need them. <app> stands for the app's folder.
func mistakes() []mistake { return slices.Concat(ofJava(), ofRepositories(), ofSources()) }

// of returns a mistake by a regular expression of its line.
func of(line, id, what, do string) mistake {
	return mistake{regexp.MustCompile(line), fault.Fault{ID: id, What: what, Do: do}}
}

// ofJava are those of a Java that is another one than the app wants.
func ofJava() []mistake {
	return []mistake{
		of(`(?:release version|invalid (?:source|target) release:|error: release version) ?([0-9.]+)(?: not supported|$)`, "java-release",
			"the app is compiled for Java $1, which this JDK cannot",
			"ask for another JDK in BP_JVM_VERSION, or correct the release in the build file"),
		of(`Source option ([0-9.]+) is no longer supported`, "java-release",
			"the app is compiled for Java $1, which this JDK no longer can",
			"set maven.compiler.release to 8 or newer, or ask for an older JDK in BP_JVM_VERSION"),
		of(`UnsupportedClassVersionError: (\S+) has been compiled by a more recent version`, "java-release",
			"$1 needs a newer Java than this build has", "ask for a newer JDK in BP_JVM_VERSION"),
		of(`Detected JDK .*is not in the allowed range (\S+?)\.?$`, "java-release",
			"the app allows Java $1 alone", "ask for such a JDK in BP_JVM_VERSION"),
		of(`Cannot find a Java installation on your machine.*matching.*languageVersion=([0-9]+)`, "java-release",
			"the build wants the toolchain of Java $1, and this build has another JDK",
			"name the release of BP_JVM_VERSION in the build file, or unset that"),
	}
}

// ofRepositories are those of repositories, and of what they have.
func ofRepositories() []mistake {
	return []mistake{
		of(`from/to (\S+) .*no checksums available`, "java-checksum",
			"the repository $1 has no checksums, and nothing else vouches for what it has",
			"name a mirror of it that has them in a bound settings.xml"),
		of(`checksum validation failed|Checksum validation failed`, "java-checksum",
			"an artefact has another checksum than its repository says",
			"a server or a proxy has changed it: check "+MirrorVariable+" and settings.xml"),
		of(`PKIX path building failed|unable to find valid certification path`, "java-certificate",
			"a repository has a certificate that nobody here vouches for",
			"bind the authority's certificate in a binding of type ca-certificates"),
		of(`(?:status code|status|HTTP):? ?(?:401|403)|Not authorized|authorization failed|Received status code 40[13]`, "java-login",
			"a repository wants a login", "bind a settings.xml with it in a binding of type maven"),
		of(`Blocked mirror for repositories: \[(\S+) \((\S+),`, "java-plain-http",
			"the repository $1 is asked over plain http", "write its address with https, or name a mirror of it in a bound settings.xml"),
		of(`Unknown host (\S+)|(\S+): (?:Name or service not known|Temporary failure in name resolution)|UnknownHostException: (\S+?):?$`,
			"java-offline",
			"a repository cannot be reached: the name $1$2$3 is not known", "check the network and "+MirrorVariable),
		of(`(?:Connect to|Connection to) (\S+).*(?:failed|refused|timed out|reset)|Network is unreachable|Connection (?:refused|reset)`,
			"java-offline",
			"a repository cannot be reached", "check the network and "+MirrorVariable+"; private addresses need --network-allow"),
		of(`Could not find artifact (\S+) in (\S+)`, "java-artefact",
			"there is no artefact $1 in the repository $2", "correct its version in the build file, or name the repository that has it there"),
		of(`Could not find ([\w.-]+:[\w.-]+:[\w.-]+)\.$`, "java-artefact",
			"there is no artefact $1 in the repositories of the build",
			"correct its version in the build file, or name the repository that has it there"),
		of(`Could not resolve (?:dependencies|artifact|all (?:files|artifacts)).*?([\w.-]+:[\w.-]+:\S+)?`, "java-artefact",
			"an artefact cannot be had from the repositories", "see the words above"),
		of(`Plugin (\S+) or one of its dependencies could not be resolved|Plugin \[id: '(\S+?)'.*was not found`, "java-plugin",
			"the plugin $1$2 cannot be had from the repositories",
			"correct its version in the build file, or name the repository that has it there"),
		of(`Child module (?:<app>/)?(\S+) of (\S+) does not exist`, "java-module-gone",
			"the pom names the module $1, which the app does not have", "correct it, or take the folder into the app's source"),
		of(`Non-resolvable parent POM for \S+: (?:Could not find artifact |The following artifacts could not be resolved: )?(\S+)`,
			"java-artefact",
			"the parent $1 of a pom cannot be had", "correct its version, or name the repository that has it in a bound settings.xml"),
	}
}

// ofSources are those of the app's files.
func ofSources() []mistake {
	return []mistake{
		of(`Non-parseable POM \S*?/?([^/\s]+\.xml): (.*?) @`, "java-pom", "$1 is no pom: $2", "correct the file"),
		of(`The requested profile "([^"]+)" could not be activated`,
			"java-profile", "the pom has no profile $1", "correct BP_MAVEN_ACTIVE_PROFILES"),
		of(`^(?:\[ERROR\] |e: file://)?<app>/(\S+?\.(?:java|kt|scala|groovy)):\[?([0-9]+)(?:,[0-9]+\])?(?::[0-9]+)?:? (?:error: )?(.*)$`,
			"java-compile",
			"$1 line $2: $3", "correct the source"),
		of(`^\[error\] <app>/(\S+?):([0-9]+):[0-9]+: (.*)$`, "java-compile", "$1 line $2: $3", "correct the source"),
		of(`Not a valid (?:command|key): (\S+)`, "java-sbt-task", "the build has no task $1",
			"add sbt-native-packager to project/plugins.sbt for stage, or name another task in BP_SBT_BUILD_ARGUMENTS, such as assembly"),
		of(`There are test failures|There were failing tests`,
			"java-test", "tests of the app fail", "leave them out: the build has no services for them"),
		of(`java\.lang\.OutOfMemoryError`,
			"java-memory", "the build tool ran out of memory", "give the build more, or set -Xmx in MAVEN_OPTS or GRADLE_OPTS"),
	}
}

// explain turns a failure of a build tool into the line that ends the build. The tool's own words are in the log already.
func (b *builder) explain(err error) error {
	failed, is := errors.AsType[*command.Error](err)
	if !is || errors.Is(err, context.Canceled) {
		return err
	}
	lines := make([]string, len(failed.Tail))
	for i, line := range failed.Tail {
		if lines[i] = strings.ReplaceAll(line, b.AppDir, "<app>"); noSpace.MatchString(line) {
			return fault.DiskFull(errors.New(strings.TrimSpace(line)), b.cache, os.TempDir())
		}
	}
	for _, known := range mistakes() {
		for _, line := range lines {
			if m := known.line.FindStringSubmatchIndex(line); m != nil {
				known.What = string(known.line.ExpandString(nil, known.What, line, m))
				return known.Fault
			}
		}
	}
	f := fault.Fault{ID: "java-build", What: "the app does not build", Do: "see the words of " + b.project.Tool + " above"}
	begin := map[string]string{project.Maven: "[ERROR] ", project.SBT: "[error] "}[b.project.Tool]
	for i, line := range lines {
		words, found := strings.CutPrefix(line, begin)
		if b.project.Tool == project.Gradle {
			found = i > 0 && lines[i-1] == "* What went wrong:"
		}
		if words = strings.TrimPrefix(words, begin); found && words != "" && !strings.HasPrefix(words, "Some problems") && f.Err == nil {
			f.Err = errors.New(strings.TrimSpace(words))
		}
	}
	return f
}
