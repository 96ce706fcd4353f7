package tools

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/command"
	"github.com/strata-buildpacks/strata/buildpacks/kit/tree"
)

// lacking matches what Maven says when it needs something of a repository that it may not ask.
var lacking = regexp.MustCompile(`(?i)in offline mode|repository system is offline`)

// maven builds the app with Maven. Where nothing but code changed since a build that succeeded, Maven asks no repository; what it lacks all
// the same is fetched in a second run.
func (b *builder) maven(ctx context.Context) error {
	settings, err := b.writeSettings()
	if err != nil {
		return err
	}
	repository := b.inCache("repository")
	args := slices.Concat([]string{"--batch-mode", "--strict-checksums", "-Dmaven.repo.local=" + repository}, settings)
	if b.project.File != "pom.xml" {
		args = append(args, "--file", b.project.File)
	}
	if len(b.project.MavenProfiles) > 0 {
		args = append(args, "--activate-profiles", strings.Join(b.project.MavenProfiles, ","))
	}
	if !b.project.Dated {
		args = append(args, "-Dproject.build.outputTimestamp=1980-01-01T00:00:02Z")
	}
	args = slices.Concat(args, b.nodeOptions(), b.project.MavenArguments, b.project.MavenAdditional)
	program := filepath.Join(b.tool, "bin", "mvn")
	kept, err := b.fetched(repository)
	if err != nil {
		return err
	}
	if kept.all {
		err := command.Run(ctx, b.call(program, "MAVEN_OPTS", append([]string{"--offline"}, args...)))
		failed, is := errors.AsType[*command.Error](err)
		if !is || !slices.ContainsFunc(failed.Tail, lacking.MatchString) {
			return b.explain(err)
		}
		b.Log.Bullet("Maven lacks something, and asks the repositories for it")
	}
	if err := forget(repository); err != nil {
		return err
	}
	if err := command.Run(ctx, b.call(program, "MAVEN_OPTS", args)); err != nil {
		return b.explain(err)
	}
	return kept.write()
}

// forget removes Maven's notes of what a repository did not have: it would not ask again for a day.
func forget(repository string) error {
	err := filepath.WalkDir(repository, func(file string, e fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(e.Name(), ".lastUpdated") {
			return err
		}
		return os.Remove(file)
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// fetched says of a build what its repository was filled for.
type fetched struct {
	file, key string
	all       bool // that the same was built before, and that nothing in the repository may be replaced by something newer
}

// fetched returns whether the repository has all that the build files ask for. A repository of which Maven asked for the newest version of
// something, a snapshot or a range, is never taken for complete.
func (b *builder) fetched(repository string) (fetched, error) {
	var text strings.Builder
	for _, name := range b.project.Files {
		data, err := tree.ReadFile(filepath.Join(b.AppDir, filepath.FromSlash(name)))
		if err != nil {
			return fetched{}, err
		}
		text.WriteString(name + " " + digest(string(data)) + "\n")
	}
	key, err := Key(b.Workspace, b.Lock, b.project)
	if err != nil {
		return fetched{}, err
	}
	f := fetched{file: b.inCache("strata-fetched"), key: digest(text.String() + key + b.JavaHome)}
	before, err := tree.ReadFile(f.file)
	if err != nil || string(before) != f.key {
		return f, nil // there is none, or of another build
	}
	f.all = true
	err = filepath.WalkDir(repository, func(_ string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if name := e.Name(); strings.HasPrefix(name, "maven-metadata-") && strings.HasSuffix(name, ".xml") && name != "maven-metadata-local.xml" {
			f.all = false
			return fs.SkipAll
		}
		return nil
	})
	if errors.Is(err, fs.ErrNotExist) {
		f.all, err = false, nil
	}
	return f, err
}

func (f fetched) write() error { return tree.WriteFile(f.file, []byte(f.key)) }
