package integration

const goMod = "module example.test/hello\n\ngo 1.26\n"

var goLayers = []string{"strata/go/targets"}

var goCorpus = []small{
	{
		name: "one file", app: map[string]string{"go.mod": goMod, "main.go": goServer("one file")},
		processes: []string{"hello", "web*"}, layers: goLayers, answer: "one file",
	},
	{
		name: "two files", app: map[string]string{
			"go.mod":        goMod,
			"main.go":       "package main\n\nfunc main() { serve(\"a function\") }\n",
			"serve.go":      serveText,
			"serve_test.go": "package main\n",
		},
		processes: []string{"hello", "web*"}, layers: goLayers, answer: "a function",
	},
	{
		name: "no go.mod", app: map[string]string{"main.go": goServer("no module")},
		processes: []string{"app", "web*"}, layers: goLayers, answer: "no module",
	},
	{
		name: "cmd/NAME", app: map[string]string{"go.mod": goMod, "cmd/shop/main.go": goServer("shop")},
		processes: []string{"shop", "web*"}, layers: goLayers, answer: "shop",
	},
	{
		name: "cmd/main.go and a tool", app: map[string]string{
			"go.mod": goMod, "cmd/main.go": goServer("cmd"), "hack/gen/main.go": goTool,
		},
		processes: []string{"cmd", "web*"}, layers: goLayers, answer: "cmd",
	},
	{
		name: "the command named as the module", app: map[string]string{
			"go.mod": "module example.test/go-shop/v2\n\ngo 1.26\n", "cmd/migrate/main.go": goTool, "cmd/shop/main.go": goServer("shop"),
		},
		processes: []string{"migrate", "shop", "web*"}, layers: goLayers, answer: "shop",
	},
	{
		name: "the command named web", app: map[string]string{
			"go.mod": goMod, "cmd/hello/main.go": goTool, "cmd/web/main.go": goServer("web"),
		},
		processes: []string{"hello", "web*"}, layers: goLayers, answer: "web",
	},
	{
		name: "a program at the root and a command", app: map[string]string{
			"go.mod": goMod, "main.go": goServer("root"), "cmd/docs/main.go": goTool,
		},
		processes: []string{"hello", "web*"}, layers: goLayers, answer: "root",
	},
	{
		name: "a package main without a program", app: map[string]string{
			"go.mod": goMod, "tools.go": "package main\n\nimport _ \"fmt\"\n", "cmd/hello/main.go": goServer("hello"),
		},
		processes: []string{"hello", "web*"}, layers: goLayers, answer: "hello",
	},
	{
		name: "a folder of tests", app: map[string]string{
			"go.mod":              goMod,
			"cmd/hello/main.go":   goServer("hello"),
			"cmd/e2e/e2e_test.go": "package main\n\nimport \"testing\"\n\nfunc Test(*testing.T) {}\n",
		},
		processes: []string{"hello", "web*"}, layers: goLayers, answer: "hello",
	},
	{
		name: "templates of programs", app: map[string]string{
			"go.mod":            goMod,
			"main.go":           goServer("root"),
			"_examples/main.go": "package main {{.Name}}\n",
			"testdata/main.go":  "{{define}}",
		},
		processes: []string{"hello", "web*"}, layers: goLayers, answer: "root",
	},
	{
		name: "embedded files", app: map[string]string{
			"go.mod": goMod, "page.txt": "a page",
			"main.go":  "package main\n\nimport _ \"embed\"\n\n//go:embed page.txt\nvar page string\n\nfunc main() { serve(page) }\n",
			"serve.go": serveText,
		},
		processes: []string{"hello", "web*"}, layers: goLayers, answer: "a page",
	},
	{
		name: "files that are kept", app: map[string]string{
			"go.mod": goMod, "pages/index.txt": "a page", "serve.go": serveText,
			"main.go": "package main\n\nimport \"os\"\n\n" +
				"func main() {\n\tpage, err := os.ReadFile(\"pages/index.txt\")\n\tif err != nil {\n\t\tpanic(err)\n\t}\n\tserve(string(page))\n}\n",
		},
		flags: []string{"-e", "BP_KEEP_FILES=pages/**"}, processes: []string{"hello", "web*"}, layers: goLayers, answer: "a page",
	},
	{
		name: "Procfile with the binary in bin", app: map[string]string{
			"go.mod":   goMod,
			"main.go":  goServer("procfile"),
			"Procfile": "web: bin/hello\n",
		},
		processes: []string{"hello", "web*"}, layers: goLayers, answer: "procfile",
	},
	{
		name: "Procfile with exec", app: map[string]string{
			"go.mod":   goMod,
			"main.go":  goServer("procfile"),
			"Procfile": "web: exec ./hello\nother: hello\n",
		},
		processes: []string{"hello", "other", "web*"}, layers: goLayers, answer: "procfile",
	},
	{
		name: "Procfile with a typo", app: map[string]string{"go.mod": goMod, "main.go": goServer(""), "Procfile": "web: helo\n"},
		fails: []string{"helo", "Procfile"},
	},
	{
		name: "Procfile with a shell", app: map[string]string{
			"go.mod":   goMod,
			"main.go":  goServer(""),
			"Procfile": "web: bash -c 'hello | cat'\n",
		},
		fails: []string{"Procfile", "bash"},
	},
	{
		name: "a tag that is needed", app: map[string]string{"go.mod": goMod, "main.go": "//go:build server\n\n" + goServer("tagged")},
		flags: []string{"-e", "BP_GO_BUILD_FLAGS=-tags=server"}, processes: []string{"hello", "web*"}, layers: goLayers, answer: "tagged",
	},
	{
		name: "a tag that is not said", app: map[string]string{"go.mod": goMod, "main.go": "//go:build server\n\n" + goServer("tagged")},
		fails: []string{"main.go", "server", "-tags"},
	},
	{
		name: "vendored without a network", app: map[string]string{
			"go.mod":             goMod + "\nrequire example.test/greeting v1.2.3\n",
			"vendor/modules.txt": "# example.test/greeting v1.2.3\n## explicit; go 1.26\nexample.test/greeting\n",
			"vendor/example.test/greeting/greeting.go": "package greeting\n\nconst Text = \"vendored\"\n", "serve.go": serveText,
			"go.sum":  "",
			"main.go": "package main\n\nimport \"example.test/greeting\"\n\nfunc main() { serve(greeting.Text) }\n",
		},
		flags: []string{"-e", "GOPROXY=off"}, processes: []string{"hello", "web*"}, layers: goLayers, answer: "vendored",
	},
	{
		name: "SQLite, with cgo", app: sqliteServer, processes: []string{"hello", "web*"}, layers: goLayers,
		path: "/a", answer: "notes: 1, <nil>",
	},
	{
		name: "two programs in two files", app: map[string]string{
			"go.mod":    goMod,
			"a/main.go": goServer("a"),
			"b/main.go": goServer("b"),
		},
		flags:     []string{"-e", "BP_GO_TARGETS=./b/main.go:./a/main.go"},
		processes: []string{"a", "b", "web*"}, layers: goLayers, answer: "b",
	},
}

// serveText is a function that answers every request with a text.
const serveText = "package main\n\nimport (\n\t\"fmt\"\n\t\"net/http\"\n\t\"os\"\n)\n\nfunc serve(text string) {\n" +
	"\thttp.HandleFunc(\"/\", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, text) })\n" +
	"\tpanic(http.ListenAndServe(\":\"+os.Getenv(\"PORT\"), nil))\n}\n"
