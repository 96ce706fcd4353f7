package tools

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/command"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/tree"
)

// gradle builds the app with Gradle.
func (b *builder) gradle(ctx context.Context) error {
	user := b.inCache("user-home")
	if err := os.MkdirAll(user, 0o755); err != nil {
		return err
	}
	bound, err := b.linkGradle(user)
	if err != nil {
		return err
	}
	// Gradle starts another Java, which knows what the command line says and not what GRADLE_OPTS does.
	args := slices.Concat([]string{"--no-daemon", "--console=plain", "--build-cache", "-Dorg.gradle.welcome=never"}, b.Options,
		proxyOptions(b.Env), bound)
	args = append(args, "-Porg.gradle.java.installations.auto-download=false", "-Porg.gradle.java.installations.paths="+b.JavaHome)
	if at := filepath.Dir(b.project.File); at != "." {
		args = append(args, "--project-dir", at)
	}
	if script := b.project.GradleScript; script != "" {
		args = append(args, "--init-script", script)
	}
	args = slices.Concat(args, b.project.GradleArguments, b.project.Tasks, b.project.GradleAdditional)
	call := b.call(filepath.Join(b.tool, "bin", "gradle"), "GRADLE_OPTS", args)
	call.Env = append(call.Env, "GRADLE_USER_HOME="+user)
	if err := command.Run(ctx, call); err != nil {
		return b.explain(err)
	}
	return nil
}

// linkGradle makes the settings of a binding of type gradle known to Gradle: gradle.properties by a link, which is made for this build
// alone, and scripts by options.
func (b *builder) linkGradle(user string) (options []string, err error) {
	file := filepath.Join(user, "gradle.properties")
	if err := tree.Remove(file); err != nil {
		return nil, err
	}
	binding, found, err := b.Binding("gradle")
	if err != nil || !found {
		return nil, err
	}
	b.Log.Decision("Settings", "binding "+binding.Name, "")
	for name := range binding.Secret {
		switch {
		case name == "gradle.properties":
			err = errors.Join(err, os.Symlink(filepath.Join(binding.Path, name), file))
		case strings.HasSuffix(name, ".gradle"), strings.HasSuffix(name, ".gradle.kts"):
			options = append(options, "--init-script="+filepath.Join(binding.Path, name))
		}
	}
	slices.Sort(options)
	if _, absent := os.Lstat(file); errors.Is(absent, fs.ErrNotExist) && len(options) == 0 && err == nil {
		err = fault.Fault{ID: "java-gradle-binding",
			What: "binding " + binding.Name + " of type gradle has no gradle.properties and no script of Gradle",
			Do:   "put the settings into a file of that name, or a script into one such as init.gradle"}
	}
	if err != nil && !errors.As(err, new(fault.Fault)) {
		err = fmt.Errorf("making the settings of Gradle known: %w", err)
	}
	return options, err
}
