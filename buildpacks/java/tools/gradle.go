package tools

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/java/project"
	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
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
	same := filepath.Join(b.home, "same.gradle")
	if err := os.WriteFile(same, []byte(reproducible), 0o644); err != nil {
		return fmt.Errorf("writing a script of Gradle: %w", err)
	}
	args = append(args, "--init-script", same)
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

// reproducible has releases of Gradle before 9 make the same archives of the same files.
const reproducible = `allprojects {
    tasks.withType(AbstractArchiveTask).configureEach {
        preserveFileTimestamps = false
        reproducibleFileOrder = true
    }
}
`

// ofLogin matches the lines of gradle.properties that are logins. They change nothing that is built.
var ofLogin = regexp.MustCompile(`(?i)^[^=:]*(token|secret|password|passwd|username|login|credential)`)

// gradleSettings returns a hash of the settings of Gradle that come from outside of the app, "" without any.
func gradleSettings(in bp.Workspace, p project.Project) (string, error) {
	if p.Tool != project.Gradle {
		return "", nil
	}
	var text strings.Builder
	if filepath.IsAbs(p.GradleScript) {
		script, err := tree.ReadFile(p.GradleScript)
		if err != nil {
			return "", fault.Fault{ID: "java-gradle-script", Err: fault.WithoutPath(err),
				What: fmt.Sprintf("BP_GRADLE_INIT_SCRIPT_PATH is %q, which cannot be read", p.GradleScript), Do: "name a script by its path"}
		}
		text.Write(script)
	}
	binding, _, err := in.Binding("gradle")
	if err != nil {
		return "", err
	}
	for _, name := range slices.Sorted(maps.Keys(binding.Secret)) {
		for line := range strings.Lines(binding.Secret[name]) {
			if name != "gradle.properties" || !ofLogin.MatchString(line) {
				text.WriteString(line)
			}
		}
		text.WriteString("\n" + name + "\n")
	}
	if text.Len() == 0 {
		return "", nil
	}
	return digest(text.String()), nil
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
