package install

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
	"github.com/strata-buildpacks/strata/buildpacks/kit/config"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/tool"
	"github.com/strata-buildpacks/strata/buildpacks/kit/tree"
)

// IndexVariable is the variable that errors name.
const IndexVariable = "PIP_INDEX_URL"

// Indexes are where packages come from, as the builder's and the user's settings say: variables and bindings, never files of the app.
// Addresses may have logins.
type Indexes struct {
	Default string
	Extra   []string // asked before it
	Links   []string // folders or pages with links to archives of packages
	Trusted []string // hosts whose certificates are not checked
	Cert    string   // file with certificates of authorities, "" for those of the machine
	Config  string   // path of a uv.toml
	Netrc   string   // path of a .netrc

	own     config.Environment // what else the user says to uv
	network config.Environment // proxies and certificates
}

// ReadIndexes reads the variables of uv and pip and the bindings of the types uv, pip and netrc. Variables of uv go before its binding,
// that before the binding of pip, and that before variables of pip.
func ReadIndexes(in bp.Workspace) (Indexes, error) {
	x := Indexes{own: config.Environment{}, network: in.Env.Only(config.Network...)}
	for name, value := range in.Env {
		if strings.HasPrefix(name, "UV_") && value != "" {
			x.own[name] = value
		}
	}
	var err error
	if x.Netrc, err = tool.Netrc(in); err != nil {
		return x, err
	}
	if x.Config, err = bound(in, "uv", "uv.toml"); err != nil {
		return x, err
	}
	configured, err := readConfig(x.Config)
	if err != nil {
		return x, err
	}
	pip, err := bound(in, "pip", "pip.conf")
	if err != nil {
		return x, err
	}
	file, err := readPip(pip)
	if err != nil {
		return x, err
	}
	setting := func(name string) string {
		return cmp.Or(file[name], in.Env["PIP_"+strings.ToUpper(strings.ReplaceAll(name, "-", "_"))])
	}
	x.Default = cmp.Or(in.Env["UV_DEFAULT_INDEX"], configured, file["index-url"], indexOf(in.Env))
	x.Extra = strings.Fields(cmp.Or(in.Env["UV_INDEX"], setting("extra-index-url")))
	x.Links = strings.Fields(cmp.Or(strings.ReplaceAll(in.Env["UV_FIND_LINKS"], ",", " "), setting("find-links")))
	x.Trusted = strings.Fields(cmp.Or(in.Env["UV_INSECURE_HOST"], setting("trusted-host")))
	x.Cert = cmp.Or(in.Env["SSL_CERT_FILE"], setting("cert"), in.Env.Authorities())
	return x, nil
}

// indexOf returns the default index that variables name.
func indexOf(env config.Environment) string {
	return cmp.Or(env["UV_DEFAULT_INDEX"], env["UV_INDEX_URL"], env[IndexVariable])
}

// bound returns the path of a file in the only binding of a type, "" if there is no such binding.
func bound(in bp.Workspace, kind, name string) (string, error) {
	b, found, err := in.Binding(kind)
	if err != nil || !found {
		return "", err
	}
	file := filepath.Join(b.Path, name)
	if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) {
		return "", fault.Fault{ID: "python-binding", What: fmt.Sprintf("binding %s of type %s has no file %s", b.Name, kind, name),
			Do: "put the settings into a file of that name"}
	}
	return file, nil
}

// readConfig returns the default index that a uv.toml names, "" for none.
func readConfig(path string) (string, error) {
	if path == "" {
		return "", nil
	}
	type settings struct {
		IndexURL string `toml:"index-url"`
		Index    []struct {
			URL     string
			Default bool
		}
	}
	var file struct {
		settings
		Pip settings
	}
	if _, err := tree.ReadTOML(path, &file); err != nil {
		return "", errConfig
	}
	for _, s := range []settings{file.settings, file.Pip} {
		at := slices.IndexFunc(s.Index, func(i struct {
			URL     string
			Default bool
		},
		) bool {
			return i.Default
		})
		if at >= 0 {
			return s.Index[at].URL, nil
		}
		if s.IndexURL != "" {
			return s.IndexURL, nil
		}
	}
	return "", nil
}

// errConfig does not say more, as the cause may quote a line with a login.
var errConfig = fault.Fault{ID: "python-binding", What: "uv.toml of a binding is no TOML file", Do: "correct it"}

// pipSetting matches a line of a pip.conf that begins a setting.
var pipSetting = regexp.MustCompile(`^([A-Za-z][\w-]*)\s*[=:]\s*(.*)$`)

// readPip returns the settings of the sections [global], [install] and [download] of a pip.conf, the later ones before the earlier ones.
// Values on several lines are joined with spaces.
func readPip(path string) (map[string]string, error) {
	settings := map[string]string{}
	if path == "" {
		return settings, nil
	}
	text, err := tree.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading pip.conf of a binding: %w", err)
	}
	name, counts := "", false
	for line := range strings.Lines(string(text)) {
		more := strings.TrimSpace(line)
		begins := pipSetting.FindStringSubmatch(strings.TrimRight(line, " \t\r\n"))
		switch {
		case more == "" || more[0] == '#' || more[0] == ';':
		case more[0] == '[':
			name, counts = "", slices.Contains([]string{"[global]", "[install]", "[download]"}, more)
		case begins != nil && counts:
			name = strings.ReplaceAll(strings.ToLower(begins[1]), "_", "-")
			settings[name] = strings.TrimSpace(begins[2])
		case name != "" && line[0] == ' ' || name != "" && line[0] == '\t':
			settings[name] = strings.TrimSpace(settings[name] + " " + more)
		}
	}
	return settings, nil
}

// Env returns the variables with which uv asks these indexes and no others, reads no settings of an app, fetches no Python and asks no
// questions. They hold secrets.
func (x Indexes) Env() config.Environment {
	env := x.own.With(x.network).With(config.Environment{
		"UV_DEFAULT_INDEX": x.Default, "UV_INDEX": strings.Join(x.Extra, " "), "UV_FIND_LINKS": strings.Join(x.Links, ","),
		"UV_INSECURE_HOST": strings.Join(x.Trusted, " "), "SSL_CERT_FILE": x.Cert, "NETRC": x.Netrc, "UV_CONFIG_FILE": x.Config,
		"UV_PYTHON_DOWNLOADS": "never", "UV_NO_PROGRESS": "1", "UV_NO_MANAGED_PYTHON": "1", "UV_KEYRING_PROVIDER": "disabled",
		"UV_LINK_MODE": "hardlink", // nothing writes to what is installed "GIT_TERMINAL_PROMPT": "0",
	})
	if x.Config == "" {
		env["UV_NO_CONFIG"] = "1"
	}
	for name, value := range env {
		if value == "" {
			delete(env, name)
		}
	}
	return env
}

// sourceOption matches a line of requirements that says where packages come from, and its option.
var sourceOption = regexp.MustCompile(
	`^\s*(-i|-f|--index-url|--extra-index-url|--find-links|--trusted-host|--pypi-url)(?:[\s=]|$|[^-\s])`)

// endings are how lines end and how they go on, for programs that read requirements.
var endings = strings.NewReplacer("\\\r\n", " ", "\\\n", " ", "\\\r", " ", "\r\n", "\n", "\r", "\n")

// withoutIndexes returns requirements without the lines that say where packages come from, and the options of these lines.
func withoutIndexes(lines string) (kept string, options []string) {
	var text strings.Builder
	for line := range strings.Lines(endings.Replace(lines)) {
		// A backslash at the end would make the next line a part of this one.
		line = strings.TrimSpace(strings.TrimRightFunc(line, func(r rune) bool { return r == '\\' || unicode.IsSpace(r) }))
		if found := sourceOption.FindStringSubmatch(line); found != nil {
			options = append(options, found[1])
			continue
		}
		text.WriteString(line + "\n")
	}
	return text.String(), options
}
