package tools

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/command"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

// sbt builds the app with the release of sbt that its project/build.properties names. The launcher fetches it.
func (b *builder) sbt(ctx context.Context) error {
	args := slices.Concat([]string{"-Duser.home=" + b.home}, b.Options, proxyOptions(b.Env), []string{
		"-Dsbt.global.base=" + b.inCache("sbt"), "-Dsbt.boot.directory=" + b.inCache("boot"), "-Dsbt.ivy.home=" + b.inCache("ivy"),
		"-Dsbt.server.autostart=false", "-Dsbt.color=false", "-Dsbt.supershell=false", "-Dsbt.ci=true", "-Dsbt.log.noformat=true",
	})
	if b.from.central != "" {
		address, _, password, err := b.from.plain()
		if err != nil {
			return err
		}
		if password != "" {
			return fault.Fault{ID: "java-sbt-login", What: "the mirror of Maven Central has a login, which sbt would print",
				Do: "name a mirror without a login in " + MirrorVariable}
		}
		text := "[repositories]\nlocal\nmirror: " + address.String() + "\n"
		file := filepath.Join(b.home, "repositories")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			return err
		}
		args = append(args, "-Dsbt.override.build.repos=true", "-Dsbt.repository.config="+file)
	}
	launcher := filepath.Join(b.tool, launcherID+".jar")
	args = slices.Concat(args, strings.Fields(b.Env["SBT_OPTS"]), []string{"-jar", launcher}, b.project.SBTArguments)
	call := b.call(filepath.Join(b.JavaHome, "bin", "java"), "JAVA_OPTS", args)
	call.Env = append(call.Env, "COURSIER_CACHE="+b.inCache("coursier"))
	if err := command.Run(ctx, call); err != nil {
		return b.explain(err)
	}
	return nil
}
