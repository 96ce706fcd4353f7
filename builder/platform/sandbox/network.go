package sandbox

import (
	"fmt"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

// Network says what the command can reach. Its text is what a person writes.
type Network string

// The networks that a command can have.
const (
	// OwnNetwork has a loopback interface and a Link. What the command reaches is what Connect lets through.
	OwnNetwork Network = "default"
	// NoNetwork has a loopback interface and nothing else.
	NoNetwork Network = "none"
	// HostNetwork is the host's own: the command reaches what the machine reaches, and what listens on the machine itself.
	HostNetwork Network = "host"
)

// ParseNetwork reads what a person says that a build may reach. The empty text means OwnNetwork. The error is a fault.
func ParseNetwork(text string) (Network, error) {
	switch network := Network(text); network {
	case "":
		return OwnNetwork, nil
	case OwnNetwork, NoNetwork, HostNetwork:
		return network, nil
	}
	return "", fault.Fault{
		ID:   "network",
		What: fmt.Sprintf("--network %s is not known", text),
		Do:   "write default, none or host",
	}
}
