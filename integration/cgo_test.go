package integration

import (
	"testing"
)

// sqliteServer counts in a database what it was asked, by a package that is a stub without cgo.
var sqliteServer = map[string]string{
	"go.mod": goMod + "\nrequire github.com/mattn/go-sqlite3 v1.14.32\n",
	"go.sum": "github.com/mattn/go-sqlite3 v1.14.32 h1:JD12Ag3oLy1zQA+BNn74xRgaBbdhbNIDYvQUEuuErjs=\n" +
		"github.com/mattn/go-sqlite3 v1.14.32/go.mod h1:Uh1q+B4BYcTPb+yiD3kU8Ct7aC0hY9fxUwlHK0RXw+Y=\n",
	"main.go": `package main

import (
	"database/sql"
	"fmt"
	"net/http"
	"os"

	_ "github.com/mattn/go-sqlite3"
)

func main() {
	db, err := sql.Open("sqlite3", "file:/tmp/notes.db?cache=shared")
	if err != nil {
		panic(err)
	}
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		var notes int
		_, err := db.Exec("CREATE TABLE IF NOT EXISTS notes (text TEXT); INSERT INTO notes VALUES (?)", r.URL.Path)
		if err == nil {
			err = db.QueryRow("SELECT count(*) FROM notes WHERE text = ?", r.URL.Path).Scan(&notes)
		}
		fmt.Fprintf(w, "notes: %d, %v", notes, err)
	})
	panic(http.ListenAndServe(":"+os.Getenv("PORT"), nil))
}
`,
}

// pcreServer matches the path by a library that pkg-config knows.
var pcreServer = map[string]string{
	"go.mod": goMod,
	"main.go": `package main

// #cgo pkg-config: libpcre2-8
// #define PCRE2_CODE_UNIT_WIDTH 8
// #include <pcre2.h>
// #include <stdlib.h>
//
// static int matches(const char *pattern, const char *text, size_t n) {
// 	int number, found = -1;
// 	PCRE2_SIZE offset;
// 	pcre2_code *re = pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED, 0, &number, &offset, NULL);
// 	if (re) {
// 		pcre2_match_data *data = pcre2_match_data_create_from_pattern(re, NULL);
// 		found = pcre2_match(re, (PCRE2_SPTR)text, n, 0, 0, data, NULL);
// 		pcre2_match_data_free(data);
// 		pcre2_code_free(re);
// 	}
// 	return found;
// }
import "C"

import (
	"fmt"
	"net/http"
	"os"
	"unsafe"
)

func main() {
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		pattern, text := C.CString("^/(?<year>[0-9]{4})"), C.CString(r.URL.Path)
		defer C.free(unsafe.Pointer(pattern))
		defer C.free(unsafe.Pointer(text))
		fmt.Fprintf(w, "matches: %d", C.matches(pattern, text, C.size_t(len(r.URL.Path))))
	})
	panic(http.ListenAndServe(":"+os.Getenv("PORT"), nil))
}
`,
}

// kafkaServer has a library for each C library within its module.
var kafkaServer = map[string]string{
	"go.mod": goMod + "\nrequire github.com/confluentinc/confluent-kafka-go/v2 v2.11.1\n",
	"main.go": `package main

import (
	"fmt"
	"net/http"
	"os"

	"github.com/confluentinc/confluent-kafka-go/v2/kafka"
)

func main() {
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		config := kafka.ConfigMap{"bootstrap.servers": "localhost:1", "group.id": "x", "security.protocol": "ssl"}
		consumer, err := kafka.NewConsumer(&config)
		fmt.Fprintf(w, "a consumer: %t, %v", consumer != nil, err)
	})
	panic(http.ListenAndServe(":"+os.Getenv("PORT"), nil))
}
`,
}

// TestGoNative builds programs that are nothing without cgo, on the run images for which they are linked otherwise.
func TestGoNative(t *testing.T) {
	suite(t, nightly)
	t.Parallel()
	hello := []string{"hello", "web*"}
	library := []string{"-e", "BP_DEBIAN_PACKAGES=libpcre2-dev"}
	linked := append([]string{"-e", "BP_GO_CGO=dynamic", "--run-image", "glibc"}, library...)
	for _, one := range []small{
		{name: "SQLite on musl", app: sqliteServer, flags: []string{"--run-image", "musl"}, processes: hello, layers: goLayers,
			path: "/a", answer: "notes: 1, <nil>"},
		{name: "pkg-config", app: pcreServer, flags: library, processes: hello, layers: goLayers, path: "/1999", answer: "matches: 2"},
		{name: "pkg-config, linked to libraries", app: pcreServer, flags: linked, processes: hello,
			layers: []string{"strata/go/targets", "strata/linkage/libraries"}, path: "/1999", answer: "matches: 2"},
		{name: "pkg-config without a package", app: pcreServer, fails: []string{"libpcre2-8", "set BP_DEBIAN_PACKAGES=libpcre2-dev"}},
		{name: "Kafka", app: kafkaServer, flags: []string{"-e", "BP_GO_BUILD_FLAGS=-mod=mod"}, processes: hello, layers: goLayers,
			path: "/", answer: "a consumer: true, <nil>"},
	} {
		t.Run(one.name, func(t *testing.T) { one.build(t) })
	}
}
