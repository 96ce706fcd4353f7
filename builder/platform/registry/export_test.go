package registry

import (
	"context"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
)

// LoginFor returns the login that a client has for a repository, and nothing for none.
func LoginFor(ctx context.Context, ref name.Reference) (authn.AuthConfig, error) {
	auth, err := credentials{}.ResolveContext(ctx, ref.Context())
	if err != nil {
		return authn.AuthConfig{}, err
	}
	login, err := authn.Authorization(ctx, auth)
	return *login, err
}
