package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

// TestJava has what each variable asks for, before what the user has set.
func TestJava(t *testing.T) {
	t.Parallel()
	dumps := t.TempDir()
	homes := map[string]string{}
	for _, module := range []string{"jdk.jfr", "jdk.net"} {
		homes[module] = t.TempDir()
		text := "JAVA_VERSION=\"25\"\nMODULES=\"java.base " + module + " java.xml\"\nOTHER=\"x\"\n"
		if err := os.WriteFile(filepath.Join(homes[module], "release"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	tests := map[string]struct {
		env       environment
		variables string // without the name of the variable; "" for none
		log, err  string
	}{
		"nothing":      {env: environment{"JDK_JAVA_OPTIONS": "-Xmx1g", "BPL_DEBUG_PORT": "1"}},
		"head room":    {env: environment{"BPL_JVM_HEAD_ROOM": "10"}, variables: "-XX:MaxRAMPercentage=67.5"},
		"no head room": {env: environment{"BPL_JVM_HEAD_ROOM": "0"}, variables: "-XX:MaxRAMPercentage=75"},
		"all is head room": {env: environment{"BPL_JVM_HEAD_ROOM": "100"},
			err: `java: BPL_JVM_HEAD_ROOM is "100", which is no percentage from 0 to 99`},
		"user's come last": {env: environment{"BPL_JVM_HEAD_ROOM": "20", "JDK_JAVA_OPTIONS": "-Xmx1g"},
			variables: "-XX:MaxRAMPercentage=60 -Xmx1g"},
		"debugger": {env: environment{"BPL_DEBUG_ENABLED": "true"},
			variables: "-agentlib:jdwp=transport=dt_socket,server=y,address=*:8000,suspend=n"},
		"debugger is false": {env: environment{"BPL_DEBUG_ENABLED": "maybe"},
			err: `java: BPL_DEBUG_ENABLED is "maybe", which is neither true nor false`},
		"debugger waits": {env: environment{"BPL_DEBUG_ENABLED": "1", "BPL_DEBUG_SUSPEND": "on", "BPL_DEBUG_PORT": "9009"},
			variables: "-agentlib:jdwp=transport=dt_socket,server=y,address=*:9009,suspend=y"},
		"JMX": {env: environment{"BPL_JMX_ENABLED": "true"}, variables: "-Djava.rmi.server.hostname=127.0.0.1 " +
			"-Dcom.sun.management.jmxremote.host=0.0.0.0 -Dcom.sun.management.jmxremote.authenticate=false " +
			"-Dcom.sun.management.jmxremote.ssl=false " +
			"-Dcom.sun.management.jmxremote.port=5000 -Dcom.sun.management.jmxremote.rmi.port=5000"},
		"JMX without a port": {env: environment{"BPL_JMX_ENABLED": "true", "BPL_JMX_PORT": "x"},
			err: `java: BPL_JMX_PORT is "x", which is no port`},
		"flight recorder": {env: environment{"BPL_JFR_ENABLED": "true"},
			variables: "-XX:StartFlightRecording=dumponexit=true,filename=/tmp/recording.jfr"},
		"recorder's own": {env: environment{"BPL_JFR_ENABLED": "true", "BPL_JFR_ARGS": "filename=/tmp/a b.jfr"},
			variables: `\"-XX:StartFlightRecording=filename=/tmp/a b.jfr\"`},
		"heap dump": {env: environment{"BPL_HEAP_DUMP_PATH": dumps},
			variables: "-XX:+HeapDumpOnOutOfMemoryError -XX:HeapDumpPath=" + dumps + "/java_20260102T120000Z.hprof"},
		"heap dump without a folder": {env: environment{"BPL_HEAP_DUMP_PATH": dumps + "/none"},
			err: `java: BPL_HEAP_DUMP_PATH is "` + dumps + `/none", which is no folder of the container; mount one there`},
		"threads": {env: environment{"BPL_JVM_THREAD_COUNT": "50"},
			log: "java: BPL_JVM_THREAD_COUNT is not heeded: the heap has 75 % of the memory; BPL_JVM_HEAD_ROOM leaves more beside it\n"},
		"recorder that there is": {env: environment{"BPL_JFR_ENABLED": "true", "JAVA_HOME": homes["jdk.jfr"]},
			variables: "-XX:StartFlightRecording=dumponexit=true,filename=/tmp/recording.jfr"},
		"recorder that there is not": {env: environment{"BPL_JFR_ENABLED": "true", "JAVA_HOME": homes["jdk.net"]},
			err: "java: BPL_JFR_ENABLED needs the module jdk.jfr, which the image has not: build it with BP_JVM_MODULES=jdk.jfr"},
		"debugger that there is not": {env: environment{"BPL_DEBUG_ENABLED": "true", "JAVA_HOME": homes["jdk.net"]},
			err: "java: BPL_DEBUG_ENABLED needs the module jdk.jdwp.agent, which the image has not: build it with BP_JVM_MODULES=jdk.jdwp.agent"},
		"user's store": {env: environment{"SSL_CERT_FILE": "/none", "JAVA_TOOL_OPTIONS": "-Djavax.net.ssl.trustStore=/x"}},
		"no certificates": {env: environment{"SSL_CERT_FILE": "java_test.go"},
			err: "java: SSL_CERT_FILE: java_test.go is not a certificate in PEM"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out, log bytes.Buffer
			err := java("JDK_JAVA_OPTIONS", test.env, noon, &out, &log)
			want := ""
			if test.variables != "" {
				want = `JDK_JAVA_OPTIONS = "` + test.variables + "\"\n"
			}
			said := ""
			if err != nil {
				said = err.Error()
			}
			if said != test.err || out.String() != want || log.String() != test.log {
				t.Errorf("it says %q and %q (%v), want %q and %q (%s)", out.String(), log.String(), err, want, test.log, test.err)
			}
		})
	}
}

func TestPort(t *testing.T) {
	t.Parallel()
	for want, env := range map[string]environment{
		"": {"SERVER_PORT": "81"},
		"QUARKUS_HTTP_PORT = \"80\"\nMICRONAUT_SERVER_PORT = \"80\"\n":                             {"PORT": "80", "SERVER_PORT": "81"},
		"SERVER_PORT = \"8099\"\nQUARKUS_HTTP_PORT = \"8099\"\nMICRONAUT_SERVER_PORT = \"8099\"\n": {"PORT": "8099"},
	} {
		var out bytes.Buffer
		if err := port(env, &out); err != nil || out.String() != want {
			t.Errorf("%v gives %q, %v", env, out.String(), err)
		}
	}
}

// authority makes a certificate authority in PEM.
func authority(t *testing.T, name string) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: noon,
		NotAfter: noon.AddDate(100, 0, 0), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

// TestKeyStore has Java list the store that the authorities of SSL_CERT_FILE are written into, with a password and without one.
func TestKeyStore(t *testing.T) {
	t.Parallel()
	keytool, err := exec.LookPath("keytool")
	if err != nil {
		t.Skip("there is no keytool: install a Java runtime")
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "trusted.pem")
	if err := os.WriteFile(file, append(authority(t, "one"), authority(t, "two")...), 0o644); err != nil {
		t.Fatal(err)
	}
	var out, log bytes.Buffer
	if err := java("JDK_JAVA_OPTIONS", environment{"SSL_CERT_FILE": file, "TMPDIR": dir}, noon, &out, &log); err != nil {
		t.Fatal(err)
	}
	stores, err := filepath.Glob(filepath.Join(dir, "*.p12"))
	if err != nil || len(stores) != 1 {
		t.Fatalf("it wrote %v, %v", stores, err)
	}
	want := `JDK_JAVA_OPTIONS = "-Djavax.net.ssl.trustStore=` + stores[0] + ` -Djavax.net.ssl.trustStoreType=pkcs12"` + "\n"
	if out.String() != want {
		t.Errorf("it says %q, want %q", out.String(), want)
	}
	for _, password := range [][]string{nil, {"-storepass", "changeit"}} {
		args := append([]string{"-J-Duser.language=en", "-list", "-v", "-keystore", stores[0]}, password...)
		list, err := exec.CommandContext(t.Context(), keytool, args...).CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, list)
		}
		for _, want := range []string{"contains 2 entries", "Owner: CN=one", "Owner: CN=two", "Entry type: trustedCertEntry"} {
			if !strings.Contains(string(list), want) {
				t.Errorf("keytool does not say %q but\n%s", want, list)
			}
		}
	}
}
