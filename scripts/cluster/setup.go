package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
)

// suite is what the cluster gets, and what is seen of it.
type suite struct {
	*cluster
	company *authority
	yaml    []byte         // what strata kpack printed first
	numbers map[string]int // how many builds an app has had with a cause
}

// setup starts the cluster and gives it the suite.
func (s *suite) setup() []step {
	return []step{
		{"registry, sources and modules are served", s.startServers},
		{"etcd, Kubernetes and containerd start", s.startKubernetes},
		{"kpack starts", s.startKpack},
		{"`strata kpack --tools go,node` pushes and prints", s.printSuite},
		{"a second `strata kpack` pushes nothing and prints the same", s.printAgain},
		{"builders are ready", s.applySuite},
	}
}

func (s *suite) startServers(ctx context.Context) (_ string, err error) {
	if s.company, err = newAuthority("company"); err != nil {
		return "", err
	}
	if err := s.makeSources(ctx); err != nil {
		return "", err
	}
	return "", s.serve(ctx, s.company)
}

func (s *suite) startKubernetes(ctx context.Context) (string, error) {
	if err := s.configure(); err != nil {
		return "", err
	}
	if err := s.controlPlane(ctx); err != nil {
		return "", err
	}
	if err := s.pushPrograms(ctx); err != nil {
		return "", err
	}
	if err := s.node(ctx); err != nil {
		return "", err
	}
	return "", s.until(ctx, "the node is ready", func() error {
		_, err := s.kubectl(ctx, nil, "wait", "--for=condition=Ready", "node/node", "--timeout=1s")
		return err
	})
}

func (s *suite) startKpack(ctx context.Context) (string, error) {
	if err := s.installKpack(ctx); err != nil {
		return "", err
	}
	return "", s.namespace(ctx, s.company)
}

// strataKpack runs strata kpack with the suite of the cluster's checkout.
func (s *suite) strataKpack(ctx context.Context, args ...string) ([]byte, error) {
	always := []string{"kpack", "--registry", registry + "/strata", "--config", s.path("checkout", "builder.toml")}
	offline := []string{"--tools", "go,node", "--env", "GOPROXY.override=" + modules}
	return output(ctx, nil, s.strata, slices.Concat(always, offline, args)...)
}

// printSuite clones the checkout, for updates of what is committed, and runs strata kpack.
func (s *suite) printSuite(ctx context.Context) (string, error) {
	_, err := output(ctx, nil, "git", "-c", "safe.directory=*", "clone", "-q", "--no-local", ".", s.path("checkout"))
	if err != nil {
		return "", err
	}
	s.yaml, err = s.strataKpack(ctx)
	return "", err
}

func (s *suite) printAgain(ctx context.Context) (string, error) {
	if _, err := s.strataKpack(ctx, "--check"); err != nil {
		return "", err
	}
	again, err := s.strataKpack(ctx)
	if err == nil && !bytes.Equal(again, s.yaml) {
		err = fmt.Errorf("first\n%s\nthen\n%s", s.yaml, again)
	}
	return "", err
}

// applySuite applies what strata kpack printed. kpack's webhook takes resources a moment after its program says that it is ready.
func (s *suite) applySuite(ctx context.Context) (string, error) {
	err := s.until(ctx, "kpack takes the resources", func() error { return s.apply(ctx, s.yaml) })
	if err != nil {
		return "", err
	}
	return "", s.ready(ctx)
}

// ready waits until all builders are made of what was applied last.
func (s *suite) ready(ctx context.Context) error {
	return s.until(ctx, "the builders are ready", func() error {
		var list struct {
			Items []struct {
				Metadata struct {
					Name       string `json:"name"`
					Generation int    `json:"generation"`
				} `json:"metadata"`
				Status struct {
					ObservedGeneration int `json:"observedGeneration"`
					Conditions         []struct {
						Type    string `json:"type"`
						Status  string `json:"status"`
						Message string `json:"message"`
					} `json:"conditions"`
				} `json:"status"`
			}
		}
		kinds := "clusterbuilders.kpack.io,clusterstacks.kpack.io,clusterstores.kpack.io,clusterlifecycles.kpack.io"
		if err := s.get(ctx, &list, kinds); err != nil {
			return err
		}
		if len(list.Items) < 8 {
			return fmt.Errorf("there are %d of 8 resources", len(list.Items))
		}
		for _, item := range list.Items {
			if len(item.Status.Conditions) == 0 || item.Status.ObservedGeneration != item.Metadata.Generation {
				return fmt.Errorf("%s was not looked at yet", item.Metadata.Name)
			}
			for _, condition := range item.Status.Conditions {
				if condition.Status != "True" {
					return fmt.Errorf("%s: %s is %s: %s", item.Metadata.Name, condition.Type, condition.Status, condition.Message)
				}
			}
		}
		return nil
	})
}

// fetch asks a server for a page, which has to be there.
func fetch(ctx context.Context, url string) (string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s: %s", url, response.Status, text)
	}
	return string(text), err
}
