package start

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fields"
	"github.com/strata-buildpacks/strata/buildpacks/kit/shell"
	"github.com/strata-buildpacks/strata/buildpacks/kit/tree"
)

// keepers are programs that start an app again when it ends, most of them in the background, where no container waits for it. The
// platform starts containers again, so the image starts the app itself.
var keepers = []string{"pm2", "pm2-runtime", "pm2-docker", "forever"}

// Options of keepers: those that say how long and where an app is kept, of which the first take the next word, and those that
// say what is started.
var (
	keeping = []string{
		"-n", "--name", "-i", "--instances", "-o", "--output", "-e", "--error", "-l", "--log", "-p", "--pid", "-m", "--namespace",
		"--max-memory-restart", "--exp-backoff-restart-delay", "--restart-delay", "--max-restarts", "--min-uptime", "--minUptime",
		"--spinSleepTime", "--kill-timeout", "--listen-timeout", "--log-date-format", "--log-type", "--ignore-watch", "--watchDirectory",
		"--watchIgnore", "--pidFile", "--uid", "--gid", "--user", "--killSignal",
	}
	plain = []string{
		"-w", "--watch", "-s", "--silent", "-v", "--verbose", "-a", "--append", "-f", "--force", "--fifo", "-d", "--debug", "--plain",
		"--no-colors", "--no-color", "--no-daemon", "--no-autorestart", "--no-vizion", "--no-treekill", "--merge-logs", "--time", "--attach",
		"--update-env", "--wait-ready", "--shutdown-with-message", "--source-map-support", "--disable-source-map-support", "--raw", "--json",
	}
	told = []string{"--only", "--interpreter", "-c", "--command", "--cwd", "--sourceDir", "--workingDir", "--cron", "--cron-restart"}
)

// kept is what a keeper is told to start.
type kept struct {
	words   []shell.Word // a file or a program, and its arguments
	options []shell.Word // of node
	profile string       // what --env names
}

// keeper reads a command of a program that keeps an app running.
func (r *reading) keeper(c shell.Command, of Source) ([]Command, error) {
	k, err := readKeeper(c.Words[1:], c.Words[0] == "forever")
	if err != nil {
		return nil, of.fault(", "+err.Error(), "start the file with node")
	}
	if name := path.Join(c.Dir, shell.Texts(k.words)[0]); ecosystem.MatchString(name) {
		return r.ecosystem(c, of, name, k.profile)
	}
	return r.kept(c, of, k)
}

// readKeeper reads the words behind the name of a keeper: for one of them, arguments are behind the file alone. The error is a clause.
func readKeeper(words []shell.Word, alone bool) (kept, error) {
	var k kept
	for i := 0; i < len(words); i++ {
		option, value, joined := strings.Cut(shell.Texts(words)[i], "=")
		valued := slices.Contains(append([]string{"--env", "--node-args", "--interpreter-args"}, keeping...), option)
		if valued && !joined && i+1 < len(words) {
			i++
			value = shell.Texts(words)[i]
		}
		switch {
		case slices.Contains(told, option):
			return k, fmt.Errorf("whose option %s is not read here", option)
		case option == "--":
			k.words = append(k.words, words[i+1:]...)
			i = len(words)
		case option == "--env":
			k.profile = value
		case strings.HasSuffix(option, "-args"):
			k.options = append(k.options, quoted(strings.Fields(value))...)
		case valued, slices.Contains(plain, option):
		case strings.HasPrefix(option, "-"):
			return k, fmt.Errorf("whose option %s is not known here", option)
		case len(k.words) == 0 && slices.Contains([]string{"start", "startOrRestart"}, option):
		case len(k.words) > 0 && !alone:
			return k, errors.New("which names more than a file")
		case alone:
			k.words = append(k.words, words[i:]...)
			i = len(words)
		default:
			k.words = append(k.words, words[i])
		}
	}
	if len(k.words) == 0 {
		return k, errors.New("which names no file")
	}
	return k, nil
}

func quoted(texts []string) (words []shell.Word) {
	for _, text := range texts {
		words = append(words, shell.Quote(text))
	}
	return words
}

// kept reads what a keeper starts as a command of its own.
func (r *reading) kept(c shell.Command, of Source, k kept) ([]Command, error) {
	name := shell.Texts(k.words)[0]
	switch {
	case slices.Contains(keepers, name):
		return nil, of.fault(", which starts "+name+" again", byProcfile)
	case path.Ext(name) == ".sh":
		k.words = slices.Concat([]shell.Word{"./" + k.words[0]}, k.words[1:])
	case strings.ContainsAny(name, "./"), r.loads(path.Join(c.Dir, name)):
		k.words = slices.Concat([]shell.Word{"node"}, k.options, k.words)
	}
	c.Words = k.words
	return r.command(c, of)
}

// ecosystem matches the names of files that tell pm2 what to start.
var ecosystem = regexp.MustCompile(`(^|/)((ecosystem|pm2|process|processes)(\.config)?|[\w.-]+\.config)\.(js|cjs|mjs|json|ya?ml)$`)

// What is before the object in a file in JavaScript, and what is no plain text in it.
var (
	exported = regexp.MustCompile(`(?s)\A.*?(module\.exports\s*=|export\s+default)`)
	computed = regexp.MustCompile("[`($]|\\bprocess\\.|\\|\\||&&|\\?\\?| \\+ ")
)

// byProcfile is what to do where a file of pm2 is not read.
const byProcfile = "write a Procfile with the command instead, such as web: node server.js"

// ecosystem reads a file that tells pm2 what to start: one app, of which all that counts is text.
func (r *reading) ecosystem(c shell.Command, of Source, name, profile string) ([]Command, error) {
	data, err := tree.ReadFile(filepath.Join(r.Dir, name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, of.fault(", and there is no file "+name, "name a file that is there"+r.nearest(name))
	}
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", name, err)
	}
	read := fields.Relaxed
	if strings.HasSuffix(name, "ml") {
		read = fields.YAML
	}
	file, err := read(name, exported.ReplaceAll(data, nil))
	if err != nil {
		return nil, of.fault(", and "+name+" is no list of texts", byProcfile)
	}
	apps := file.Objects("apps")
	if len(apps) != 1 {
		return nil, of.fault(fmt.Sprintf(", and %s has %d apps", name, len(apps)), "write a Procfile with a line for each, one of them as web")
	}
	return r.keptIn(c, name, profile, apps[0])
}

// keptIn reads an app of a file that tells pm2 what to start.
func (r *reading) keptIn(c shell.Command, name, profile string, app fields.Object) ([]Command, error) {
	words, options := append([]string{app.Text("script")}, listIn(app, "args")...), listIn(app, "node_args")
	of := Source{name, "app", app.Text("name"), strings.Join(words, " ")}
	variables, dir := map[string]string{}, strings.TrimPrefix(app.Text("cwd"), "__dirname")
	maps.Copy(variables, app.Texts("env"))
	maps.Copy(variables, app.Texts("env_"+profile))
	texts := slices.AppendSeq(slices.Concat(words, options, []string{dir}), maps.Values(variables))
	if i := slices.IndexFunc(texts, computed.MatchString); i >= 0 {
		return nil, of.fault(", and "+texts[i]+" is not plain text", byProcfile)
	}
	if by := app.Text("interpreter"); words[0] == "" || by != "" && by != "node" && by != "none" {
		return nil, of.fault(", which node does not run", byProcfile)
	}
	inner, err := r.kept(shell.Command{Dir: shell.Within(c.Dir, dir)}, of, kept{words: quoted(words), options: quoted(options)})
	if err != nil {
		return nil, err
	}
	set := shell.Command{Dir: dir}
	for _, name := range slices.Sorted(maps.Keys(variables)) {
		set.Variables = append(set.Variables, shell.Word(name+"=")+shell.Quote(variables[name]))
	}
	all, _ := join(nil, set, inner) // nothing is before it
	return all, nil
}

// listIn returns a field that is a list of words, or a text of them.
func listIn(o fields.Object, name string) []string {
	if text := o.Text(name); text != "" {
		return strings.Fields(text)
	}
	return o.List(name)
}
