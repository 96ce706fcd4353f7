package install

import (
	"context"
	"errors"
	"fmt"
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

// npmCode matches the line in which npm names the kind of the failure.
var npmCode = regexp.MustCompile(`npm (?:error|ERR!) code (\S+)`)

// unreachable are the words of package managers when they do not reach a registry.
var unreachable = []string{"ENOTFOUND", "ECONNREFUSED", "ECONNRESET", "ETIMEDOUT", "EAI_AGAIN", "ENETUNREACH", "ConnectionRefused"}

// passing matches a line of what a package manager goes on after.
var passing = regexp.MustCompile(`(?i)\bwarn|\bretry`)

// explain turns a failed command, whose words are in the log already, into the line that ends the build.
func (i *Installer) explain(err error, args []string) error {
	tool := i.source.Manager.Tool()
	return i.explainAs(err, args, tool.Name+" "+strings.Join(args, " ")+" failed")
}

// explainAs says something else where the reason is not known.
func (i *Installer) explainAs(err error, args []string, unknown string) error {
	failed := new(command.Error)
	if !errors.As(err, &failed) || errors.Is(err, context.Canceled) {
		return err
	}
	tool := i.source.Manager.Tool()
	what := tool.Name + " " + strings.Join(args, " ")
	if addon, words := failedAddon(failed.Tail); addon != "" {
		return fault.Fault{
			ID: "node-gyp", What: fmt.Sprintf("%s: the addon %s does not compile%s", what, addon, words),
			Do: "take a release of it for this Node.js that needs no other library than those of C and C++, or another Node.js with BP_NODE_VERSION",
		}
	}
	if code := failedNetwork(failed.Tail); code != "" {
		return fault.Fault{
			ID: "node-offline", What: what + " did not reach the registry (" + code + ")", Do: "check the network and NPM_CONFIG_REGISTRY",
		}
	}
	return fault.Fault{ID: "node-install", What: unknown, Do: "see the words of " + tool.Title + " above"}
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

// failedNetwork returns the code with which a package manager gave up to reach a registry, "" if it failed for another reason. What
// it tried again is none, and npm names the reason itself.
func failedNetwork(lines []string) string {
	last := ""
	for _, line := range slices.Backward(lines) {
		if code := npmCode.FindStringSubmatch(line); code != nil {
			if slices.Contains(unreachable, code[1]) {
				return code[1]
			}
			return ""
		}
		for _, code := range unreachable {
			if last == "" && strings.Contains(line, code) && !passing.MatchString(line) {
				last = code
			}
		}
	}
	return last
}
