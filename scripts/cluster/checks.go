package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// checks are what is looked at, each after what is before it.
func (s *suite) checks(quiet time.Duration) []step {
	return []step{
		{"a site, from a blob", s.first(site, "static on "+architecture+" (stack io.strata.stacks.static)")},
		{"Go, from git, with the tools of the build image and no network", s.first(hello, "io.strata.stacks.static")},
		{"Node.js on glibc, from a blob", s.first(server, "io.strata.stacks.glibc")},
		{"Node.js on static is refused", s.refuses(wrongLibc, "needs glibc")},
		{"a company's modules, without its authority, are refused", s.refuses(noSecret, "x509: certificate signed by unknown authority")},
		{"a company's modules, with its authority as a secret", s.first(private, "io.strata.stacks.static")},
		{"all answer in restricted pods, as a user without a name", s.answers},
		{"layers are those of `strata build`", s.sameLayers},
		{"`strata inspect` and `--sbom` read an image of kpack", s.inspects},
		{"`strata fleet` shows the cluster's images", s.showsFleet},
		{"a change of the source builds: COMMIT", s.changesCommit},
		{"a change of the source builds: CONFIG", s.changesBlob},
		{"a newer layer of the run images rebases every app: STACK", s.updatesStack},
		{"`strata rebase` makes of an older copy what kpack made", s.rebasesCopy},
		{"`strata rebase` takes no image back", s.rebasesNothing},
		{"`strata rebase` of a run image named by digest alone is refused", s.refusesDigest},
		{"another version of the suite builds every app once: BUILDPACK", s.updatesSuite},
		{"all answer again", s.answers},
		{fmt.Sprintf("no build without a cause in %s", quiet), s.quiet(quiet)},
	}
}

// number is the next build of an app.
func (s *suite) number(a app) int {
	if s.numbers == nil {
		s.numbers = map[string]int{}
	}
	s.numbers[a.name]++
	return s.numbers[a.name]
}

// first makes an Image, and waits for its first build. Its log has to have a text.
func (s *suite) first(a app, want string) func(context.Context) (string, error) {
	return func(ctx context.Context) (string, error) {
		if err := s.apply(ctx, a.image()); err != nil {
			return "", err
		}
		log, err := s.build(ctx, a.name, s.number(a), "CONFIG")
		if err != nil {
			return "", fmt.Errorf("%w\n%s", err, log)
		}
		return "", lacks(log, want)
	}
}

// refuses makes an Image whose build has to fail with a text, and removes it.
func (s *suite) refuses(a app, want string) func(context.Context) (string, error) {
	return func(ctx context.Context) (string, error) {
		if err := s.apply(ctx, a.image()); err != nil {
			return "", err
		}
		log, err := s.build(ctx, a.name, 1, "CONFIG")
		if err == nil {
			err = errors.New("the build was done")
		}
		if !errors.Is(err, errBuild) {
			return "", fmt.Errorf("%w\n%s", err, log)
		}
		_, err = s.kubectl(ctx, nil, "delete", "images.kpack.io", "-n", "apps", a.name)
		return "", errors.Join(err, lacks(log, want))
	}
}

// answers starts all apps.
func (s *suite) answers(ctx context.Context) (string, error) {
	var errs []error
	for _, one := range []struct {
		app  app
		want string
	}{{site, "<"}, {hello, "Hello from Strata."}, {server, "Hello from Node.js."}, {private, "swordfish"}} {
		text, err := s.answer(ctx, one.app)
		if err == nil {
			err = lacks(text, one.want)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", one.app.name, err))
		}
	}
	return "", errors.Join(errs...)
}

// inspects reads an image that is in the cluster's registry alone.
func (s *suite) inspects(ctx context.Context) (string, error) {
	bills := s.path("bills")
	printed, err := s.run(ctx, "inspect", hello.tag(), "--sbom", bills)
	if err != nil {
		return "", err
	}
	bill, err := os.ReadFile(filepath.Join(bills, hello.name+".sbom.cdx.json"))
	if err != nil {
		return "", err
	}
	return "", errors.Join(lacks(printed, hello.tag()+"@sha256:", "strata/go@"), lacks(string(bill), "pkg:golang/"))
}

func (s *suite) showsFleet(ctx context.Context) (string, error) {
	printed, err := s.run(ctx, "fleet", registry+"/apps")
	if err != nil {
		return "", err
	}
	return "", lacks(printed, "apps/site", "apps/hello", "apps/server", "apps/private")
}

// changesCommit commits to a repository, which kpack looks at again within a minute or two.
func (s *suite) changesCommit(ctx context.Context) (string, error) {
	file := s.path("source", "hello", "main.go")
	text, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	changed := strings.Replace(string(text), "Hello from Strata.", "Hello from Strata. Again!", 1)
	if err := os.WriteFile(file, []byte(changed), 0o600); err != nil {
		return "", err
	}
	if err := s.commit(ctx, s.path("source", "hello"), "hello.git", "second"); err != nil {
		return "", err
	}
	log, err := s.build(ctx, hello.name, s.number(hello), "COMMIT")
	if err != nil {
		return "", fmt.Errorf("%w\n%s", err, log)
	}
	text2, err := s.answer(ctx, hello)
	if err != nil {
		return "", err
	}
	return "", errors.Join(lacks(text2, "Again!"), lacks(log, "Reusing layer"))
}

// changesBlob gives an Image another blob: kpack does not look at a blob again.
func (s *suite) changesBlob(ctx context.Context) (string, error) {
	changed := s.path("source", "site")
	if err := os.CopyFS(changed, os.DirFS(samples+"/web/plain")); err != nil {
		return "", err
	}
	if err := errors.Join(s.write([]byte("newer\n"), "source", "site", "newer.txt"), s.blob(changed, "site-2.tgz")); err != nil {
		return "", err
	}
	a := site
	a.source = blobOf("site-2.tgz")
	if err := s.apply(ctx, a.image()); err != nil {
		return "", err
	}
	log, err := s.build(ctx, a.name, s.number(a), "CONFIG")
	if err != nil {
		return "", fmt.Errorf("%w\n%s", err, log)
	}
	return "", lacks(log, "Reusing layer")
}

// quiet compares the builds that there are with those that had a cause, now and after a while.
func (s *suite) quiet(long time.Duration) func(context.Context) (string, error) {
	return func(ctx context.Context) (string, error) {
		if err := s.compareBuilds(ctx); err != nil {
			return "", err
		}
		select {
		case <-ctx.Done():
			return "", context.Cause(ctx)
		case <-time.After(long):
		}
		all := 0
		for _, number := range s.numbers {
			all += number
		}
		return fmt.Sprintf("%d builds in all", all), s.compareBuilds(ctx)
	}
}

func (s *suite) compareBuilds(ctx context.Context) error {
	all, err := s.builds(ctx)
	if err != nil {
		return err
	}
	there := map[string]int{}
	for _, one := range all {
		there[one.Metadata.Labels["image.kpack.io/image"]]++
	}
	if maps.Equal(there, s.numbers) {
		return nil
	}
	var names []string
	for _, one := range all {
		names = append(names, one.Metadata.Name+" "+one.reason())
	}
	slices.Sort(names)
	return fmt.Errorf("there are %v builds, want %v: %s", there, s.numbers, strings.Join(names, ", "))
}
