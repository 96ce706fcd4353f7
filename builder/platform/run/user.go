package run

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

// user reads the numeric "uid:gid" of an image's configuration.
func user(text string) (uid, gid int, err error) {
	left, right, found := strings.Cut(text, ":")
	if uid, err = id(left); err != nil {
		return 0, 0, notNumeric("user", text)
	}
	if !found {
		return uid, uid, nil
	}
	if gid, err = id(right); err != nil {
		return 0, 0, notNumeric("group in", text)
	}
	return uid, gid, nil
}

// id reads the number of a user or a group. The largest number of 32 bits stands for none: user_namespaces(7).
func id(text string) (int, error) {
	number, err := strconv.ParseUint(text, 10, 32)
	if number == math.MaxUint32 {
		return 0, strconv.ErrRange
	}
	return int(number), err
}

func notNumeric(what, text string) error {
	return fault.Fault{
		ID:   "image-user",
		What: fmt.Sprintf("the image's %s %q is no number from 0 to 4294967294", what, text),
		Do:   "run it with a container engine",
	}
}
