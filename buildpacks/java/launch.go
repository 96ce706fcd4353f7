package java

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/java/artifact"
	"github.com/strata-buildpacks/strata/buildpacks/java/jdk"
	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
	"github.com/strata-buildpacks/strata/buildpacks/kit/launchhelper"
	"github.com/strata-buildpacks/strata/buildpacks/kit/layer"
)

// startKey is everything that the layer of what happens at start depends on.
type startKey struct {
	Programs  map[string]string `json:"programs"` // what the launcher starts before the app, by its name
	Variables map[string]string `json:"variables"`
	Arguments string            `json:"arguments"`
}

// startLayer is the name of the layer of what happens at start.
const startLayer = "start"

// longest is how long a class path on a command line may be: Linux takes 128 kB for an argument.
const longest = 100_000

// launch makes the layer by which the launcher asks the launch helper for Java's options, and returns the process.
func (b build) launch(ctx context.Context, start artifact.Start) (bp.BuildResult, error) {
	helper := launchhelper.Path(b.BuildContext)
	key := startKey{Programs: map[string]string{"java": helper, "port": helper}, Variables: map[string]string{}}
	if !b.plan.java.Links() { // Java 8: its runtime has no options of its own, and it reads another variable
		key.Programs = map[string]string{"java8": helper, "port": helper}
		key.Variables["JAVA_TOOL_OPTIONS"] = jdk.Options
	}
	path := strings.Join(start.ClassPath, ":")
	if len(path) > longest {
		key.Arguments = "-cp\n" + path + "\n"
	}
	l, err := b.Layers.Contribute(ctx, layer.Request{
		Name: startLayer, Flags: layer.Flags{Launch: true, Cache: b.plan.archive != ""}, Key: key,
		Fill: func(_ context.Context, l *layer.Layer) error { return key.fill(l) },
	})
	if err != nil {
		return bp.BuildResult{}, err
	}
	where := []string{"-cp", path}
	if key.Arguments != "" {
		where = []string{"@" + filepath.Join(l.Path, arguments)}
	}
	options := slices.Concat(start.Options, where)
	main := slices.Concat([]string{start.Main}, start.Args)
	archive, err := b.archive(ctx, start, options, main)
	if err != nil {
		return bp.BuildResult{}, err
	}
	java := slices.Concat([]string{"java"}, archive, start.Options)
	var result bp.BuildResult
	if result.Processes, result.Unmet, err = b.procfile(start, java, where); err != nil {
		return bp.BuildResult{}, err
	}
	if slices.ContainsFunc(result.Processes, func(p bp.Process) bool { return p.Type == "web" }) {
		return result, nil
	}
	b.Log.Decision("Starts web", start.Main, start.Kind)
	web := bp.Process{Type: "web", Command: slices.Concat(java, where, main), Default: true}
	result.Processes = append([]bp.Process{web}, result.Processes...)
	return result, nil
}

// arguments is the file with arguments of Java that are too long for a command line.
const arguments = "java.args"

// fill makes the layer.
func (k startKey) fill(l *layer.Layer) error {
	programs := filepath.Join(l.Path, "exec.d")
	if err := os.Mkdir(programs, 0o755); err != nil {
		return err
	}
	for name, target := range k.Programs {
		if err := os.Symlink(target, filepath.Join(programs, name)); err != nil {
			return err
		}
	}
	for name, value := range k.Variables {
		l.LaunchEnv.Default(name, value)
	}
	if k.Arguments == "" {
		return nil
	}
	return os.WriteFile(filepath.Join(l.Path, arguments), []byte(k.Arguments), 0o644)
}
