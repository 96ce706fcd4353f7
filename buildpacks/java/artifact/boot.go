package artifact

import (
	"path"
	"regexp"
	"slices"
	"strings"
)

const (
	bootLoader = "org.springframework.boot.loader."
	loaderPath = "org/springframework/boot/loader/"
)

var (
	// quotedLine matches a line of classpath.idx, and of layers.idx one that is in a layer.
	quotedLine = regexp.MustCompile(`^\s*- "([^"]+)"\s*$`)
	// layerLine matches the name of a layer in layers.idx.
	layerLine = regexp.MustCompile(`^- "([^"]+)":\s*$`)
	// notLaunched matches libraries that are of no use, or do harm, where no loader of Spring Boot starts the app: its tools for the jar
	// itself, and those for development, which switch themselves off only in a jar.
	notLaunched = regexp.MustCompile(`^spring-boot-(jarmode-[a-z]+|devtools)-[0-9]`)
	// signature matches the files of a jar's signature.
	signature = regexp.MustCompile(`^META-INF/([^/]+\.(SF|RSA|DSA|EC)|SIG-[^/]+)$`)
)

// layBoot lays out a jar or a WAR of Spring Boot as Boot's own tools extract it: libraries as they are, classes in a jar of their own.
func (a *Artifact) layBoot(jar *archive, c candidate) error {
	m := c.manifest
	root := "BOOT-INF/"
	if strings.HasSuffix(m.get("Main-Class"), ".WarLauncher") {
		root = "WEB-INF/"
	}
	a.Kind, a.main, a.spring = strings.TrimSpace("Spring Boot "+m.get("Spring-Boot-Version")), m.get("Start-Class"), true
	a.options, a.agent = manifestOptions(m), m.get("Launcher-Agent-Class")
	entries, err := bootEntries(jar, m, root)
	if err != nil {
		return err
	}
	a.files = append(a.files, file{layer: application, to: appJar, onPath: true, entries: entries})
	libraries, err := bootLibraries(jar, root)
	if err != nil {
		return err
	}
	if root == "WEB-INF/" {
		return a.layBootWAR(jar, libraries)
	}
	a.files = append(a.files, place(libraries)...)
	return nil
}

// bootEntries returns the entries of the app's own jar: its classes, and what the jar has in META-INF.
func bootEntries(jar *archive, m manifest, root string) ([]jarEntry, error) {
	text := append(m.without("Main-Class", "Start-Class", "Spring-Boot-Classes", "Spring-Boot-Lib", "Spring-Boot-Classpath-Index",
		"Spring-Boot-Layers-Index", "Class-Path"), attribute{"Main-Class", m.get("Start-Class")}).text()
	entries := []jarEntry{{name: manifestName, data: text}}
	has := map[string]bool{manifestName: true}
	for _, one := range jar.under(root + "classes/") {
		name := strings.TrimPrefix(one.Name, root+"classes/")
		has[name] = true
		if name != manifestName {
			entries = append(entries, jarEntry{name: name, member: one})
		}
	}
	for _, one := range jar.under("META-INF/") {
		if has[one.Name] || signature.MatchString(one.Name) || one.Name == "META-INF/INDEX.LIST" {
			continue
		}
		if strings.HasPrefix(one.Name, "META-INF/services/") { // of the loader, which is not there
			data, err := one.small()
			if err != nil {
				return nil, jarFault(one.String(), "it cannot be read", err)
			}
			if strings.HasPrefix(strings.TrimSpace(string(data)), bootLoader) {
				continue
			}
		}
		entries = append(entries, jarEntry{name: one.Name, member: one})
	}
	return entries, nil
}

// bootLibraries returns the libraries in the order of the class path.
func bootLibraries(jar *archive, root string) ([]file, error) {
	index, err := jar.read(root + "classpath.idx")
	if err != nil {
		return nil, err
	}
	var names []string
	for line := range strings.SplitSeq(string(index), "\n") {
		if found := quotedLine.FindStringSubmatch(line); found != nil {
			names = append(names, found[1])
		}
	}
	if index == nil { // before 2.3
		for _, one := range jar.members {
			if path.Ext(one.Name) == ".jar" && (path.Dir(one.Name) == root+"lib" || path.Dir(one.Name) == root+"lib-provided") {
				names = append(names, one.Name)
			}
		}
	}
	own, err := bootLayers(jar, root)
	if err != nil {
		return nil, err
	}
	var libraries []file
	seen := map[string]bool{}
	for _, name := range names {
		if seen[name] || notLaunched.MatchString(path.Base(name)) {
			continue
		}
		seen[name] = true
		at, found := jar.index[name]
		if !found {
			return nil, jarFault(jar.name, "its "+root+"classpath.idx names "+name+", which it does not have", nil)
		}
		f := file{member: jar.members[at], layer: layerOf(name), to: name, onPath: true}
		if slices.Contains(own, name) {
			f.layer = snapshots
		}
		libraries = append(libraries, f)
	}
	return libraries, nil
}

// bootLayers returns the libraries that layers.idx has in a layer of what changes often: those of snapshots and of the app itself.
func bootLayers(jar *archive, root string) ([]string, error) {
	index, err := jar.read(root + "layers.idx")
	if err != nil {
		return nil, err
	}
	var names []string
	often := false
	for line := range strings.SplitSeq(string(index), "\n") {
		if found := layerLine.FindStringSubmatch(line); found != nil {
			often = found[1] == "application" || strings.Contains(found[1], "snapshot")
		} else if found := quotedLine.FindStringSubmatch(line); found != nil && often {
			names = append(names, found[1])
		}
	}
	return names, nil
}

// layBootWAR lays out the rest of a WAR of Spring Boot. Boot finds files to serve by where its own jar is: beside WEB-INF.
func (a *Artifact) layBootWAR(jar *archive, libraries []file) error {
	for _, m := range jar.members {
		if !strings.HasPrefix(m.Name, "META-INF/") && !strings.HasPrefix(m.Name, loaderPath) && !strings.HasSuffix(m.Name, ".idx") &&
			!strings.HasPrefix(m.Name, "WEB-INF/classes/") && !strings.HasPrefix(m.Name, "WEB-INF/lib") {
			a.files = append(a.files, file{member: m, layer: application, to: "war/" + m.Name})
		}
	}
	libraries = place(libraries)
	for i, f := range libraries {
		if len(a.files) == 1 || !strings.HasPrefix(f.to, "spring-boot") {
			continue // nothing to serve
		}
		inside, err := f.jar(a.spool)
		if err != nil {
			return err
		}
		a.open = append(a.open, inside)
		if slices.ContainsFunc(inside.members, func(m member) bool { return path.Base(m.Name) == "DocumentRoot.class" }) {
			libraries[i].layer, libraries[i].to = application, "war/WEB-INF/lib/"+f.to
		}
	}
	a.files = append(a.files, libraries...)
	return nil
}
