package install

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/command"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

// addonFailed matches the line in which node-gyp names the package that it failed to compile.
var addonFailed = regexp.MustCompile(`gyp ERR! cwd .*/node_modules/(\S+)$`)

// compilerError matches a line in which a compiler or a linker says what is wrong.
var compilerError = regexp.MustCompile(`([^\s:]+:\d+:\d+: (?:fatal )?error: .*|cannot find -l[\w+.-]+)`)

// npmCode matches the line in which npm names the kind of the failure. Where git or a script failed, it is a number.
var npmCode = regexp.MustCompile(`npm (?:error|ERR!) code ([A-Z]\S*)`)

// unreachable are the words of package managers, of git and of scripts when they do not reach a host.
var unreachable = []string{
	"ENOTFOUND", "ECONNREFUSED", "ECONNRESET", "ETIMEDOUT", "EAI_AGAIN", "ENETUNREACH", "ConnectionRefused",
	"Could not resolve host", "Failed to connect to",
}

// asked matches the host in a line of theirs: in an address, or after what went wrong.
var asked = regexp.MustCompile(`\b(?:https?|ssh|git)://(?:[^@/\s]*@)?([\w.-]+)|` +
	`(?:ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT|resolve host(?:name)?:?|connect to) ([\w.-]*\w)`)

// mirrors are the variables that name another address for what scripts of packages fetch, by the host that they ask.
var mirrors = map[string]string{
	"binaries.prisma.sh": "PRISMA_ENGINES_MIRROR", "download.cypress.io": "CYPRESS_DOWNLOAD_MIRROR",
	"cdn.playwright.dev": "PLAYWRIGHT_DOWNLOAD_HOST", "storage.googleapis.com": "PUPPETEER_DOWNLOAD_BASE_URL",
	"downloads.sentry-cdn.com": "SENTRYCLI_CDNURL",
}

// passing matches a line of what a package manager goes on after.
var passing = regexp.MustCompile(`(?i)\bwarn|\bretry`)

// explain turns a failed command, whose words are in the log already, into the line that ends the build.
func (i *Installer) explain(err error, args []string) error {
	what := i.source.Manager.Tool().Name + " " + strings.Join(args, " ")
	return i.explainAs(err, what, fault.Fault{ID: "node-install", What: what + " failed", Do: i.above()})
}

func (i *Installer) above() string {
	return "see the words of " + i.source.Manager.Tool().Title + " above"
}

// explainAs says something else where the reason is not known.
func (i *Installer) explainAs(err error, what string, unknown fault.Fault) error {
	failed := new(command.Error)
	if !errors.As(err, &failed) || errors.Is(err, context.Canceled) {
		return err
	}
	if addon, words := failedAddon(failed.Tail); addon != "" {
		return fault.Fault{
			ID: "node-gyp", What: fmt.Sprintf("%s: the addon %s does not compile%s", what, addon, words),
			Do: "take a release of it for this Node.js, or another Node.js with BP_NODE_VERSION, or name its libraries in BP_DEBIAN_PACKAGES",
		}
	}
	if code, host := failedNetwork(failed.Tail); code != "" {
		return i.offline(what, code, host)
	}
	return unknown
}

// ExplainScript explains a script of the app that failed. What scripts of packages fetch may be why; any other host is the app's own.
func (i *Installer) ExplainScript(err error, what string, unknown fault.Fault) error {
	failed := new(command.Error)
	if !errors.As(err, &failed) || errors.Is(err, context.Canceled) {
		return err
	}
	if code, host := failedNetwork(failed.Tail); mirrors[host] != "" {
		return i.offline(what, code, host)
	}
	return unknown
}

// offline says which host did not answer, and what names another one.
func (i *Installer) offline(what, code, host string) error {
	do := "check the network and NPM_CONFIG_REGISTRY"
	registry, err := url.Parse(i.source.Registry)
	switch variable := mirrors[host]; {
	case host == "" || err == nil && host == registry.Hostname():
		host = strings.TrimSpace("the registry " + host)
	case variable != "":
		do = "set " + variable + " to the address of a mirror of it that the build reaches"
	default:
		do = "let the build reach it, or take what comes from there from a registry"
	}
	return fault.Fault{ID: "node-offline", What: fmt.Sprintf("%s did not reach %s (%s)", what, host, code), Do: do}
}

// failedAddon returns the addon that did not compile, the last if there are several, and the first that was wrong with it.
func failedAddon(lines []string) (addon, words string) {
	first := ""
	for _, line := range lines {
		if found := compilerError.FindString(line); found != "" && first == "" {
			first = " (" + found + ")"
		}
		if found := addonFailed.FindStringSubmatch(line); found != nil {
			addon, words, first = found[1], first, ""
		}
	}
	return addon, words
}

// failedNetwork returns the words with which something gave up to reach a host, and the host, "" where it is not known; no words if it
// failed for another reason. What was tried again is none, and npm names its own reasons.
func failedNetwork(lines []string) (code, host string) {
	for _, line := range slices.Backward(lines) {
		if named := npmCode.FindStringSubmatch(line); named != nil && !slices.Contains(unreachable, named[1]) {
			return "", ""
		}
		for _, word := range unreachable {
			if !strings.Contains(line, word) || passing.MatchString(line) {
				continue
			}
			if code = cmp.Or(code, word); host == "" {
				if found := asked.FindStringSubmatch(line); found != nil {
					host = found[1] + found[2]
				}
			}
		}
	}
	return code, host
}
