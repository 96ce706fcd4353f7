package node

import (
	"context"
	"fmt"

	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/lock"
	"github.com/strata-buildpacks/strata/buildpacks/kit/version"
	"github.com/strata-buildpacks/strata/buildpacks/node/manager"
)

// Helper is Node.js with package managers that run on it, for the build of an app in another language.
type Helper struct {
	Version string
	Node    string // folder that holds bin/node
	NPM     string // folder of the package npm
	Yarn    string // folder of the package yarn, version 1
}

// OpenHelper installs the release of Node.js that an ask asks for, or the default one, and the newest package managers that run on it. What
// is not for all apps is in the folder cache. The registry is that of NPM_CONFIG_REGISTRY.
func OpenHelper(ctx context.Context, in bp.Workspace, cache string, ask version.Ask) (Helper, error) {
	l, err := lock.Read(lockFile)
	if err != nil {
		return Helper{}, err
	}
	t := tools{in: in, lock: l, registry: in.Env[registryVariable], dir: cache, arch: archOf(in.Target.Arch)}
	p := Plan{lock: l, arch: t.arch}
	p.Unverified = true // what is not locked is refused below
	chosen, err := p.chooseNodeOf(ask)
	if err != nil {
		return Helper{}, err
	}
	if _, locked := l.Find(nodeID, in.Target.Arch, chosen.Version); !locked {
		return Helper{}, fault.Fault{ID: "node-helper-unknown", Do: "name one that is, such as " + l.Default[nodeID],
			What: fmt.Sprintf("%s is %s, a Node.js that no hash is known of", ask.From, ask.Text)}
	}
	h := Helper{Version: chosen.Version}
	if h.Node, err = t.node(ctx, chosen); err != nil {
		return Helper{}, err
	}
	for id, dir := range map[string]*string{"npm": &h.NPM, "yarn": &h.Yarn} {
		if *dir, err = t.helper(ctx, id, chosen.Version); err != nil {
			return Helper{}, err
		}
	}
	return h, nil
}

// helper installs the newest release of a package manager that runs on a release of Node.js.
func (t tools) helper(ctx context.Context, id, node string) (string, error) {
	for _, v := range t.lock.Versions(id, "") {
		if runs := manager.Semantic(t.lock.Requires.Of(id, v)); len(runs) > 0 && !runs[0].Allows(node) {
			continue
		}
		return t.install(ctx, release{choice: choice{Version: v, Reason: "it runs on Node.js " + node}, title: id, id: id, name: id})
	}
	return "", fault.Internal("no %s is locked that runs on Node.js %s", id, node)
}
