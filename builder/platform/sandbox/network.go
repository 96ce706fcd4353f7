package sandbox

import (
	"fmt"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

// Network says what the command can reach.
type Network string

// The networks that a command can have.
const (
	// HostNetwork is the host's own: the command reaches what the machine reaches.
	HostNetwork Network = "host"
	// NoNetwork has a loopback interface and nothing else.
	NoNetwork Network = "none"
)

// ParseNetwork reads what a person says that a build may reach: "default" is what the machine reaches, "none" is nothing.
// The empty text means "default". The error is a fault.
func ParseNetwork(text string) (Network, error) {
	switch text {
	case "", "default":
		return HostNetwork, nil
	case "none":
		return NoNetwork, nil
	}
	return "", fault.Fault{
		ID:   "network",
		What: fmt.Sprintf("--network %s is not known", text),
		Do:   "write default or none",
	}
}
