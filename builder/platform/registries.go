package platform

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/strata-buildpacks/strata/builder/registries"
)

// Registries returns what the buildpacks of a builder say of where packages come from.
func (h *Home) Registries(ctx context.Context, builder string) (registries.List, error) {
	unpacked, err := h.openBuilder(ctx, builder)
	if err != nil {
		return nil, err
	}
	return unpacked.registries()
}

func (u *unpackedBuilder) registries() (registries.List, error) {
	files, err := u.definitions()
	if err != nil {
		return nil, err
	}
	var all registries.List
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("reading the builder's buildpacks: %w", err)
		}
		name, err := filepath.Rel(u.root, file)
		if err != nil {
			return nil, fmt.Errorf("reading the builder's buildpacks: %w", err)
		}
		list, err := registries.Read("the builder's file /"+name, content)
		if err != nil {
			return nil, err
		}
		all = append(all, list...)
	}
	return all, nil
}
