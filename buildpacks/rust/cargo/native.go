package cargo

import "slices"

// native are the packages of Debian that crates are compiled with, by the name of the crate. Crates that bring their C code, such as ring,
// libsqlite3-sys, zstd-sys and libgit2-sys, need a compiler alone, which is always there.
var native = map[string][]string{
	"openssl-sys":     {"libssl-dev", "libzstd-dev", "zlib1g-dev"}, // libcrypto.a of Debian calls zlib and zstd
	"pq-sys":          {"libpq-dev", "libssl-dev", "libzstd-dev", "zlib1g-dev"},
	"mysqlclient-sys": {"libmariadb-dev", "libssl-dev", "libzstd-dev", "zlib1g-dev"},
	"sqlite3-sys":     {"libsqlite3-dev"},
	"libsodium-sys":   {"libsodium-dev"},
	"pcap":            {"libpcap-dev"},
	"libseccomp-sys":  {"libseccomp-dev"},
	"aws-lc-sys":      {"cmake"},
	"aws-lc-fips-sys": {"cmake"},
	"cmake":           {"cmake"},
	"prost-build":     {"protobuf-compiler"},
	"clang-sys":       {"libclang-dev"},
}

// Packages returns the packages of Debian that crates of Cargo.lock need.
func (p Project) Packages() []string {
	var names []string
	for _, one := range p.Locked {
		names = append(names, native[one.Name]...)
	}
	slices.Sort(names)
	return slices.Compact(names)
}
