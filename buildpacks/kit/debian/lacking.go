package debian

import (
	"regexp"
	"strings"
)

// packagesOf are packages by what a build says that it lacks.
var packagesOf = map[string]string{
	"libpq-fe.h": "libpq-dev", "pg_config": "libpq-dev", "mysql.h": "libmariadb-dev", "mysql_config": "libmariadb-dev",
	"mysqlclient": "libmariadb-dev", "sql.h": "unixodbc-dev", "libxml/xmlversion.h": "libxml2-dev libxslt1-dev", "xml2-config": "libxml2-dev",
	"xslt-config": "libxslt1-dev", "ffi.h": "libffi-dev", "openssl/opensslv.h": "libssl-dev", "openssl/ssl.h": "libssl-dev",
	"cairo": "libcairo2-dev", "cairo.h": "libcairo2-dev", "lber.h": "libldap-dev", "ldap.h": "libldap-dev", "sasl/sasl.h": "libsasl2-dev",
	"gdal-config": "libgdal-dev", "snappy-c.h": "libsnappy-dev", "librdkafka/rdkafka.h": "librdkafka-dev", "jpeglib.h": "libjpeg-dev",
	"zlib.h": "zlib1g-dev", "yaml.h": "libyaml-dev", "geos_c.h": "libgeos-dev", "geos-config": "libgeos-dev", "portaudio.h": "portaudio19-dev",
	"krb5-config": "libkrb5-dev", "gssapi/gssapi.h": "libkrb5-dev", "curl/curl.h": "libcurl4-openssl-dev", "sqlite3.h": "libsqlite3-dev",
	"curl-config": "libcurl4-openssl-dev", "xmlsec1": "libxmlsec1-dev", "systemd/sd-daemon.h": "libsystemd-dev", "bzlib.h": "libbz2-dev",
	"pcre2.h": "libpcre2-dev", "libpcre2-8": "libpcre2-dev", "rdkafka": "librdkafka-dev", "sqlite3": "libsqlite3-dev",
	"openssl": "libssl-dev", "libssl": "libssl-dev", "libcrypto": "libssl-dev", "crypto": "libssl-dev", "ssl": "libssl-dev",
	"zlib": "zlib1g-dev",
	"z":    "zlib1g-dev", "libpq": "libpq-dev", "pq": "libpq-dev", "libcurl": "libcurl4-openssl-dev", "libxml-2.0": "libxml2-dev",
	"libzmq": "libzmq3-dev", "zmq.h": "libzmq3-dev", "libgit2": "libgit2-dev", "git2.h": "libgit2-dev", "vips": "libvips-dev",
	"libsodium": "libsodium-dev", "pcap.h": "libpcap-dev", "pcap": "libpcap-dev", "libsystemd": "libsystemd-dev",
	"MagickWand": "libmagickwand-dev",
	"liblz4":     "liblz4-dev", "libzstd": "libzstd-dev", "libxxhash": "libxxhash-dev", "sys/acl.h": "libacl1-dev", "fuse3": "libfuse3-dev",
	"glib-2.0": "libglib2.0-dev", "girepository-2.0": "libgirepository-2.0-dev", "dbus-1": "libdbus-1-dev", "libvirt": "libvirt-dev",
	"libffi": "libffi-dev", "pangocairo": "libpango1.0-dev",
	"lzma.h": "liblzma-dev", "expat.h": "libexpat1-dev", "hdf5.h": "libhdf5-dev", "fftw3.h": "libfftw3-dev", "sodium.h": "libsodium-dev",
}

// lacks matches lines in which a compiler, a linker, pkg-config or a setup.py says what it lacks.
var lacks = regexp.MustCompile(`fatal error: (\S+): No such file or directory|cannot find -l([\w+.-]+)|` +
	`No package '([\w.+-]+)' found|Package ([\w.+-]+) was not found in the pkg-config search path|` +
	`Dependency "([\w.+-]+)" not found|(?:Error: |'|: )([\w.]+[-_]config)\b[^\n]*(?:not found|No such file)|` +
	`No such file or directory: '([\w.]+[-_]config)'`)

// Lacking returns what the words of a build say that it lacks, which is a header, a library without its "lib", what pkg-config knows or a
// program, and the packages that have it, separated by spaces. Both are "" if the words say nothing, and the packages alone if they are not
// known.
func Lacking(words string) (what, packages string) {
	found := lacks.FindStringSubmatch(words)
	if found == nil {
		return "", ""
	}
	what = strings.Join(found[1:], "")
	return what, packagesOf[what]
}
