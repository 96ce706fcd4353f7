package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/strata-buildpacks/strata/builder/kpack"
	"github.com/strata-buildpacks/strata/builder/platform/home"
	"github.com/strata-buildpacks/strata/builder/platform/imagename"
	"github.com/strata-buildpacks/strata/builder/platform/output"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

// kpackStacks are the C libraries that a cluster can have a builder for.
var kpackStacks = []string{"static", "glibc", "musl"}

// kpackFlags say what a cluster gets, and where its images are.
type kpackFlags struct {
	registry, config, account string
	stacks, tools, env        []string
	check                     bool
	output                    outputFlag
}

func kpackCommand() *cobra.Command {
	var f kpackFlags
	cmd := &cobra.Command{
		Use:   "kpack --registry HOST/PREFIX",
		Short: "Push what kpack needs to a registry and print the resources for the cluster",
		Long: "Push what kpack needs to a registry and print the resources for the cluster, as YAML for `kubectl apply -f -`.\n" +
			"Nothing is pushed that is there, and the same suite gives the same YAML.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return f.run(cmd) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.registry, "registry", "", "registry and first part of the names there, such as registry.example.com/strata")
	flags.StringSliceVar(&f.stacks, "stack", kpackStacks, "C libraries to make a builder for")
	flags.StringSliceVar(&f.tools, "tools", nil,
		"also put tools that builds here have installed into the build images, by what their names begin with, such as go, or all")
	flags.StringArrayVarP(&f.env, "env", "e", nil, "NAME=VALUE for all builds, a default; NAME.override=VALUE goes before what an app says")
	flags.StringVar(&f.account, "service-account", "kpack/strata", "NAMESPACE/NAME of the service account that has the registry's secret")
	flags.BoolVar(&f.check, "check", false, "push and print nothing; fail if the registry has other images")
	flags.StringVar(&f.config, "config", "", "builder.toml of the suite (default: found above this folder)")
	flags.StringVar(&f.output.key, "sign", "", "file of a private key to sign the images with, as cosign does")
	return cmd
}

func (f *kpackFlags) run(cmd *cobra.Command) error {
	account, err := f.parse()
	if err != nil {
		return err
	}
	f.output.compression = "gzip"
	f.output.values = []string{"registry:" + f.name("suite")} // whose credentials are those of all
	outputs, err := f.output.parse(cmd.Context(), nil)
	if err != nil {
		return err
	}
	writing, err := f.output.options(outputs)
	if err != nil {
		return err
	}
	h, err := openHome()
	if err != nil {
		return err
	}
	made, err := f.make(cmd.Context(), h)
	if err != nil {
		return err
	}
	if f.check {
		return made.compare(cmd)
	}
	for _, one := range made.images() {
		fmt.Fprintln(stderr, "pushing "+one.name)
		if err := f.push(cmd.Context(), h, one, writing); err != nil {
			return err
		}
	}
	suite, err := made.suite(account, f.name("builder"))
	if err != nil {
		return err
	}
	text, err := suite.YAML()
	if err == nil {
		_, err = stdout.Write(text)
	}
	return err
}

// push keeps an image in the store and pushes it.
func (f *kpackFlags) push(ctx context.Context, h *home.Home, one kpackImage, writing output.Options) error {
	ref, err := imagename.ParseTag(one.name)
	if err != nil {
		return err
	}
	if _, err := h.Store.Put(ref, one.image); err != nil {
		return err
	}
	if one.stack != nil {
		stack := *one.stack
		stack.Image = one.image
		if err := keepBill(h, stack, ""); err != nil {
			return err
		}
	}
	out, err := output.Parse("registry:"+one.name, nil)
	if err != nil {
		return err
	}
	return writeOutputs(ctx, h, []output.Output{out}, []string{one.name}, writing)
}

// parse checks the flags and returns the service account.
func (f *kpackFlags) parse() (account kpack.Account, err error) {
	f.registry = strings.TrimSuffix(f.registry, "/")
	if _, err := imagename.ParseTag(f.name("suite")); f.registry == "" || err != nil || !imagename.SaysRegistry(f.name("suite")) {
		return account, fault.Fault{
			ID:   "kpack-registry",
			What: fmt.Sprintf("--registry %q names no place in a registry", f.registry),
			Do:   "write it as HOST/PREFIX, such as registry.example.com/strata",
		}
	}
	slices.Sort(f.stacks)
	f.stacks = slices.Compact(f.stacks)
	for _, stack := range f.stacks {
		if !slices.Contains(kpackStacks, stack) {
			return account, fault.Fault{
				ID: "kpack-stack", What: fmt.Sprintf("--stack %q is not known", stack), Do: "write one or some of " + strings.Join(kpackStacks, ", "),
			}
		}
	}
	namespace, name, both := strings.Cut(f.account, "/")
	if !both || namespace == "" || name == "" || strings.Contains(name, "/") {
		return account, fault.Fault{
			ID: "kpack-account", What: fmt.Sprintf("--service-account %q is not two names", f.account), Do: "write it as NAMESPACE/NAME",
		}
	}
	return kpack.Account{Namespace: namespace, Name: name}, nil
}

func (f *kpackFlags) name(image string) string { return f.registry + "/" + image }
