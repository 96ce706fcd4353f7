package install

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/command"
	"github.com/strata-buildpacks/strata/buildpacks/kit/debian"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/tree"
)

var (
	// fromSource matches the package and its version in the path of a folder in uv's cache in which it is built.
	fromSource = regexp.MustCompile(`/sdists-v\d+/(?:index/[^/]+|pypi|path|url|git|editable)/([^/\n]+)/([^/\n]+)`)
	// failedBuild matches uv's line about a package that cannot be built.
	failedBuild = regexp.MustCompile("Failed to (?:build|download and build|prepare)[^`\\n]*`([^`@\\s]+)")
	// otherHash matches uv's line about a file that is not the locked one.
	otherHash = regexp.MustCompile("Hash mismatch for `([^`]+)`")
	// unreached matches uv's line about a host that it does not reach.
	unreached = regexp.MustCompile("Failed to fetch: `?(?:https?://)(?:[^@/\\s]*@)?([^/\\s:`]+)")
	noRoute   = regexp.MustCompile(`dns error|tcp connect error|client error \(Connect\)|Network is unreachable|operation timed out`)
	// unsolved matches uv's line about versions that do not exist or do not fit together.
	unsolved = regexp.MustCompile(`No solution found when resolving dependencies`)
)

// built returns the package that is built in a folder, as people read it.
func built(folder string) string {
	if found := fromSource.FindStringSubmatch(folder); found != nil {
		return found[1] + " " + found[2]
	}
	return "a package"
}

// explain turns a call of uv that failed, whose words are in the log already, into the line that ends the build. A package may have asked
// for Rust, which a file notes.
func (i *Installer) explain(err error, oxidized string) error {
	failed := new(command.Error)
	if err == nil || !errors.As(err, &failed) || errors.Is(err, context.Canceled) {
		return err
	}
	python := "Python " + i.version()
	if target := i.source.In.Target; target.Foreign() {
		python += " on linux/" + target.Arch
	}
	if folder, err := tree.ReadFile(oxidized); err == nil {
		return fault.Fault{ID: "python-rust",
			What: built(string(folder)) + " has no wheel for " + python + " here, and is compiled with Rust, which builds do not have",
			Do:   "take a release of it that has a wheel, or another Python with BP_CPYTHON_VERSION"}
	}
	words := strings.Join(failed.Tail, "\n")
	name := "a package"
	if found := failedBuild.FindStringSubmatch(words); found != nil {
		name = found[1]
	}
	if lacking, known := debian.Lacking(words); lacking != "" {
		do := "write the package of Debian that has it into BP_DEBIAN_PACKAGES, or take a release that has a wheel"
		if known != "" {
			do = "set BP_DEBIAN_PACKAGES=" + known
		} else if lacking == "pkg-config" { // it says not for which library
			do = "write the packages of Debian that its documentation names into BP_DEBIAN_PACKAGES, with which pkg-config comes, " +
				"or take a release that has a wheel"
		}
		what := fmt.Sprintf("%s has no wheel for %s here, and lacks %s to be compiled", name, python, lacking)
		return fault.Fault{ID: "python-compile", What: what, Do: do}
	}
	if found := otherHash.FindStringSubmatch(words); found != nil {
		return fault.Fault{ID: "python-hash", What: "what the index has of " + found[1] + " is not what the app's lock has a hash of",
			Do: "lock it again if you trust the index"}
	}
	if found := unreached.FindStringSubmatch(words); found != nil && noRoute.MatchString(words) {
		return fault.Fault{ID: "python-offline", What: "uv does not reach " + found[1],
			Do: "check " + IndexVariable + ", or put wheels into a folder of the app and --no-index and --find-links FOLDER into requirements.txt"}
	}
	if unsolved.MatchString(words) {
		return fault.Fault{ID: "python-unsolved", What: "the app's requirements cannot all be had for " + python,
			Do: "see the words of uv above; an index that has more is named by PIP_EXTRA_INDEX_URL"}
	}
	if strings.Contains(words, "`--require-hashes`") {
		return fault.Fault{ID: "python-unhashed", What: "some of the app's requirements have hashes, and others or what they need have none",
			Do: "write all with hashes, as uv pip compile --generate-hashes does, or none"}
	}
	if name != "a package" {
		return fault.Fault{ID: "python-build", What: name + " has no wheel for " + python + " here, and cannot be built",
			Do: "see the words of its build above"}
	}
	return fault.Fault{ID: "python-install", What: "uv could not install the packages", Do: "see its words above"}
}
