package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
)

// heapShare is the percentage of a container's memory that an image of Java gives to the heap.
const heapShare = 75

// unheeded are variables of Paketo's memory calculator. Here the heap is a percentage, and nothing is calculated.
var unheeded = []string{"BPL_JVM_THREAD_COUNT", "BPL_JVM_LOADED_CLASS_COUNT", "BPL_JVM_CLASS_ADJUSTMENT"}

// java says to out, in TOML, with which options Java starts: what BPL_ variables ask for, and the authorities of SSL_CERT_FILE, which the
// program certificates may have written. They are in the variable of options that the image's Java reads.
func java(variable string, env environment, now time.Time, out, log io.Writer) error {
	var options []string
	for _, ask := range []func(environment, time.Time) ([]string, error){headRoom, debugger, jmx, recorder, heapDump, authorities} {
		some, err := ask(env, now)
		if err != nil {
			return fmt.Errorf("java: %w", err)
		}
		options = append(options, some...)
	}
	for _, name := range unheeded {
		if env[name] != "" {
			fmt.Fprintf(log, "java: %s is not heeded: the heap has %d %% of the memory; BPL_JVM_HEAD_ROOM leaves more beside it\n", name, heapShare)
		}
	}
	if len(options) == 0 {
		return nil
	}
	if own := env[variable]; own != "" {
		options = append(options, own) // the user's come last, so they count
	}
	if _, err := fmt.Fprintf(out, "%s = %s\n", variable, strconv.Quote(strings.Join(options, " "))); err != nil {
		return fmt.Errorf("java: telling the launcher: %w", err)
	}
	return nil
}

// ports are the variables by which frameworks of Java know their port: Spring Boot and Helidon, Quarkus, Micronaut.
var ports = []string{"SERVER_PORT", "QUARKUS_HTTP_PORT", "MICRONAUT_SERVER_PORT"}

// port says to out, in TOML, on which port frameworks serve: that of PORT, unless a variable of their own names one.
func port(env environment, out io.Writer) error {
	for _, name := range ports {
		if env["PORT"] == "" || env[name] != "" {
			continue
		}
		if _, err := fmt.Fprintf(out, "%s = %s\n", name, strconv.Quote(env["PORT"])); err != nil {
			return fmt.Errorf("port: telling the launcher: %w", err)
		}
	}
	return nil
}

// headRoom leaves a percentage of the memory aside, and gives the heap its share of the rest.
func headRoom(env environment, _ time.Time) ([]string, error) {
	text := env["BPL_JVM_HEAD_ROOM"]
	if text == "" {
		return nil, nil
	}
	percent, err := strconv.ParseUint(text, 10, 8)
	if err != nil || percent > 99 {
		return nil, fmt.Errorf("BPL_JVM_HEAD_ROOM is %q, which is no percentage from 0 to 99", text)
	}
	share := strconv.FormatFloat(heapShare*float64(100-percent)/100, 'f', -1, 64)
	return []string{"-XX:MaxRAMPercentage=" + share}, nil
}

// debugger opens a port for a debugger.
func debugger(env environment, _ time.Time) ([]string, error) {
	on, err := env.asks("BPL_DEBUG_ENABLED", "jdk.jdwp.agent")
	if err != nil || !on {
		return nil, err
	}
	port, err := env.port("BPL_DEBUG_PORT", "8000")
	if err != nil {
		return nil, err
	}
	suspend, err := env.enabled("BPL_DEBUG_SUSPEND")
	if err != nil {
		return nil, err
	}
	waits := "n"
	if suspend {
		waits = "y"
	}
	return []string{"-agentlib:jdwp=transport=dt_socket,server=y,address=*:" + port + ",suspend=" + waits}, nil
}

// jmx opens a port for JMX, for those who reach it by a forwarded port. It names the address: Java would look for that of the host's name,
// which not every container knows.
func jmx(env environment, _ time.Time) ([]string, error) {
	on, err := env.asks("BPL_JMX_ENABLED", "jdk.management.agent")
	if err != nil || !on {
		return nil, err
	}
	port, err := env.port("BPL_JMX_PORT", "5000")
	const manages = "-Dcom.sun.management.jmxremote."
	return []string{
		"-Djava.rmi.server.hostname=127.0.0.1", manages + "host=0.0.0.0", manages + "authenticate=false",
		manages + "ssl=false", manages + "port=" + port, manages + "rmi.port=" + port,
	}, err
}

// recorder starts the flight recorder.
func recorder(env environment, _ time.Time) ([]string, error) {
	on, err := env.asks("BPL_JFR_ENABLED", "jdk.jfr")
	if err != nil || !on {
		return nil, err
	}
	return []string{quoted("-XX:StartFlightRecording=" + cmp.Or(env["BPL_JFR_ARGS"], "dumponexit=true,filename=/tmp/recording.jfr"))}, nil
}

// heapDump has a dump of the heap written into a folder where memory runs out. Its name has the time, as the process is always the first.
func heapDump(env environment, now time.Time) ([]string, error) {
	dir := env["BPL_HEAP_DUMP_PATH"]
	if dir == "" {
		return nil, nil
	}
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return nil, fmt.Errorf("BPL_HEAP_DUMP_PATH is %q, which is no folder of the container; mount one there", dir)
	}
	file := path.Join(dir, "java_"+now.UTC().Format("20060102T150405Z")+".hprof")
	return []string{"-XX:+HeapDumpOnOutOfMemoryError", quoted("-XX:HeapDumpPath=" + file)}, nil
}

// authorities leads Java to the authorities of SSL_CERT_FILE. Java reads no PEM, so they are written as a key store. Options of the user
// that name one are left alone.
func authorities(env environment, _ time.Time) ([]string, error) {
	file := env["SSL_CERT_FILE"]
	const option = "-Djavax.net.ssl.trustStore"
	if file == "" || strings.Contains(env["JDK_JAVA_OPTIONS"]+env["JAVA_TOOL_OPTIONS"], option+"=") {
		return nil, nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("SSL_CERT_FILE: %w", err)
	}
	store, err := keyStore(text)
	if err != nil {
		return nil, fmt.Errorf("SSL_CERT_FILE: %s %w", file, err)
	}
	written, err := place("p12", store, env["TMPDIR"], "/tmp", "/dev/shm")
	if err != nil {
		return nil, err
	}
	return []string{quoted(option + "=" + written), option + "Type=pkcs12"}, nil
}

// quoted returns an option as the variable of options takes it: whole, although it has space.
func quoted(option string) string {
	if !strings.ContainsAny(option, " \t'\"") {
		return option
	}
	return `"` + strings.ReplaceAll(option, `"`, `\"`) + `"`
}

// enabled reports whether a variable says yes.
func (env environment) enabled(name string) (bool, error) {
	switch value := strings.ToLower(env[name]); value {
	case "true", "1", "yes", "on":
		return true, nil
	case "", "false", "0", "no", "off":
		return false, nil
	default:
		return false, fmt.Errorf("%s is %q, which is neither true nor false", name, value)
	}
}

// asks reports whether a variable says yes to what needs a module of Java. An image may have a Java without it.
func (env environment) asks(name, module string) (bool, error) {
	on, err := env.enabled(name)
	if err != nil || !on {
		return false, err
	}
	release, err := os.ReadFile(path.Join(env["JAVA_HOME"], "release"))
	_, list, found := strings.Cut(string(release), "MODULES=")
	list, _, _ = strings.Cut(list, "\n")
	if err == nil && found && !slices.Contains(strings.Fields(strings.Trim(list, `"`)), module) {
		return false, fmt.Errorf("%s needs the module %s, which the image has not: build it with BP_JVM_MODULES=%s", name, module, module)
	}
	return true, nil // a Java that does not say which modules it has may have all
}

// port returns the port that a variable names, or else the one that is usual.
func (env environment) port(name, usual string) (string, error) {
	port := cmp.Or(env[name], usual)
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return "", fmt.Errorf("%s is %q, which is no port", name, port)
	}
	return port, nil
}

var errNotPEM = errors.New("is not a certificate in PEM")
