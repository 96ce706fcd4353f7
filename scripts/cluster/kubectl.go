package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// kubectl runs the command as the cluster's administrator and returns what it prints.
func (c *cluster) kubectl(ctx context.Context, input []byte, args ...string) ([]byte, error) {
	return output(ctx, input, c.program("kubectl"), append([]string{"--kubeconfig=" + c.path("keys", "admin.kubeconfig")}, args...)...)
}

// output runs a command and returns what it prints. An error has what it says.
func output(ctx context.Context, input []byte, program string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, program, args...)
	var out, said bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(input), &out, &said
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("%s: %w\n%s%s", strings.Join(cmd.Args, " "), err, out.String(), said.String())
	}
	return out.Bytes(), nil
}

// apply makes resources, from values or from text as it is.
func (c *cluster) apply(ctx context.Context, resources ...any) error {
	for _, resource := range resources {
		text, is := resource.([]byte)
		if !is {
			var err error
			if text, err = json.Marshal(resource); err != nil {
				return err
			}
		}
		if _, err := c.kubectl(ctx, text, "apply", "-f", "-"); err != nil {
			return err
		}
	}
	return nil
}

// object is a resource as we write it.
type object map[string]any

// get reads resources.
func (c *cluster) get(ctx context.Context, into any, args ...string) error {
	text, err := c.kubectl(ctx, nil, append([]string{"get", "-o", "json"}, args...)...)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, into)
}

// built is a Build of kpack (kpack.io/v1alpha2).
type built struct {
	Metadata struct {
		Name        string            `json:"name"`
		Labels      map[string]string `json:"labels"`
		Annotations map[string]string `json:"annotations"`
	} `json:"metadata"`
	Status struct {
		PodName     string `json:"podName"`
		LatestImage string `json:"latestImage"`
		Conditions  []struct {
			Type    string `json:"type"`
			Status  string `json:"status"`
			Message string `json:"message"`
		} `json:"conditions"`
	} `json:"status"`
}

// reason is why kpack builds: CONFIG, COMMIT, BUILDPACK, STACK, with commas between some.
func (b built) reason() string { return b.Metadata.Annotations["image.kpack.io/reason"] }

// result is True, False, or Unknown for a build that runs.
func (b built) result() string {
	for _, condition := range b.Status.Conditions {
		if condition.Type == "Succeeded" {
			return condition.Status
		}
	}
	return "Unknown"
}

// builds lists all builds, or those of an image.
func (c *cluster) builds(ctx context.Context, args ...string) ([]built, error) {
	var list struct{ Items []built }
	err := c.get(ctx, &list, append([]string{"builds.kpack.io", "-n", "apps"}, args...)...)
	return list.Items, err
}

// errBuild is for a build that failed.
var errBuild = errors.New("the build failed")

// build waits for a build of an image, by its number, and returns what its buildpacks print. Its reason has to be the one that is given.
func (c *cluster) build(ctx context.Context, image string, number int, reason string) (string, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, 10*time.Minute, fmt.Errorf("build %d of %s does not end", number, image))
	defer cancel()
	label := "image.kpack.io/image=" + image + ",image.kpack.io/buildNumber=" + strconv.Itoa(number)
	for {
		found, err := c.builds(ctx, "-l", label)
		if err != nil {
			return "", errors.Join(context.Cause(ctx), err)
		}
		if len(found) == 1 && found[0].result() != "Unknown" {
			return c.ended(ctx, found[0], reason)
		}
		select {
		case <-ctx.Done():
			return "", context.Cause(ctx)
		case <-time.After(500 * time.Millisecond):
		}
	}
}

// ended reads the log of a build. Containers after one that failed have none.
func (c *cluster) ended(ctx context.Context, b built, reason string) (string, error) {
	log, err := c.kubectl(ctx, nil, "logs", "-n", "apps", b.Status.PodName, "--all-containers", "--ignore-errors")
	if err != nil {
		return "", err
	}
	if got := b.reason(); got != reason {
		return string(log), fmt.Errorf("the reason of %s is %s, want %s", b.Metadata.Name, got, reason)
	}
	if b.result() != "True" {
		return string(log), fmt.Errorf("%w: %s, %s", errBuild, b.Metadata.Name, b.Status.Conditions[0].Message)
	}
	return string(log), nil
}

// run runs strata and returns what it prints.
func (c *cluster) run(ctx context.Context, args ...string) (string, error) {
	text, err := output(ctx, nil, c.strata, args...)
	return string(text), err
}

// lacks says which of some texts are not in what was printed.
func lacks(printed string, wanted ...string) error {
	var errs []error
	for _, want := range wanted {
		if !strings.Contains(printed, want) {
			errs = append(errs, fmt.Errorf("%q is not in what was printed", want))
		}
	}
	if errs != nil {
		errs = append(errs, errors.New(printed))
	}
	return errors.Join(errs...)
}
