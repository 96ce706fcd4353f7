package project_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/strata-buildpacks/strata/buildpacks/java/project"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
)

type files = map[string]string

// pom returns a pom with some elements.
func pom(inner string) string {
	return "<?xml version=\"1.0\"?>\n<project xmlns=\"http://maven.apache.org/POM/4.0.0\">\n<artifactId>app</artifactId>" +
		inner + "\n</project>\n"
}

func app(t *testing.T, s project.Settings, f files) (project.Project, error) {
	t.Helper()
	dir := t.TempDir()
	kittest.Write(t, dir, f)
	return project.Find(dir, s)
}

// describe returns all that is known of a project as a text.
func describe(p project.Project) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s by %s, modules %q\n", p.Tool, p.File, p.Modules)
	fmt.Fprintf(&b, "asks for %q (%s), wrapper %+v\n", p.Ask.Text, p.Ask.From, p.Wrapper)
	fmt.Fprintf(&b, "outputs %q\n", p.Outputs)
	for _, ask := range p.Java() {
		fmt.Fprintf(&b, "Java %s (%s):", ask.Text, ask.From)
		for _, r := range ask.Ranges {
			var of []string
			if r.Allows == nil {
				fmt.Fprintf(&b, " else %s;", r.Else)
				continue
			}
			for _, v := range []string{"8.0.402", "11.0.2", "17.0.1", "21.0.13", "24.0.1", "25.0.5.1"} {
				if r.Allows(v) {
					of = append(of, v)
				}
			}
			fmt.Fprintf(&b, " %v %s;", of, r.Reason)
		}
		b.WriteString("\n")
	}
	for _, note := range p.Notes {
		b.WriteString("note: " + note + "\n")
	}
	if p.Android {
		b.WriteString("Android\n")
	}
	if p.Moving {
		b.WriteString("moving\n")
	}
	if p.Node.Wanted {
		fmt.Fprintf(&b, "Node.js %q (%s) in %q %s\n", p.Node.Ask.Text, p.Node.Ask.From, p.Node.Folders, p.Node.Other)
	}
	return b.String()
}

const boot = `<parent><groupId>org.springframework.boot</groupId><artifactId>spring-boot-starter-parent</artifactId>
<version>%s</version><relativePath/></parent>`

// TestFind reads whole apps.
func TestFind(t *testing.T) {
	t.Parallel()
	const wrapper = ".mvn/wrapper/maven-wrapper.properties"
	tests := []struct {
		name  string
		s     project.Settings
		files files
	}{
		{"nothing", project.Settings{}, files{"a.jar": "x"}},
		{"maven", project.Settings{}, files{"pom.xml": pom("<properties><maven.compiler.release>17</maven.compiler.release></properties>")}},
		{"maven-one-eight", project.Settings{}, files{"pom.xml": pom(`<properties><v>1.8</v></properties><build><plugins><plugin>
			<artifactId>maven-compiler-plugin</artifactId><configuration><source>${v}</source></configuration></plugin></plugins></build>`)}},
		{"boot", project.Settings{}, files{"pom.xml": pom(fmt.Sprintf(boot, "3.5.7") +
			"<properties><java.version>21</java.version></properties>")}},
		{"boot-2", project.Settings{}, files{"pom.xml": pom(fmt.Sprintf(boot, "2.7.18"))}},
		{"boot-3", project.Settings{}, files{"pom.xml": pom(fmt.Sprintf(boot, "3.2.1"))}},
		{"lombok", project.Settings{}, files{"pom.xml": pom(`<properties><l>1.18.36</l></properties><dependencies><dependency>
			<artifactId>lombok</artifactId><version>${l}</version></dependency></dependencies>`)}},
		{"wrapper", project.Settings{}, files{"pom.xml": pom(""), ".mvn/maven.config": "-T4\n", wrapper: `# licensed
distributionUrl=https\://repository.example.test/org/apache/maven/apache-maven/3.9.6/apache-maven-3.9.6-bin.zip
distributionSha256Sum = ` + strings.Repeat("Ab", 32) + "\r\n", ".mvn/extensions.xml": `<extensions><extension><groupId>g</groupId>
			<artifactId>a</artifactId><version>1</version></extension></extensions>`}},
		{"wrapper-of-a-daemon", project.Settings{}, files{"pom.xml": pom(""),
			wrapper: "distributionUrl=https://example.test/maven-mvnd-1.0.2-bin.zip"}},
		{"version-setting", project.Settings{MavenVersion: "3.8.8"}, files{"pom.xml": pom(""),
			wrapper: "distributionUrl https://example.test/apache-maven-3.9.6-bin.tar.gz"}},
		{"modules", project.Settings{}, files{
			"pom.xml": pom(`<packaging>pom</packaging><properties><maven.compiler.release>11</maven.compiler.release></properties><modules>
				<module>lib</module><module>web/pom.xml</module><module>gone</module></modules><profiles><profile><id>other</id><modules>
				<module>other</module></modules></profile></profiles>`),
			"lib/pom.xml":   pom(`<parent><artifactId>app</artifactId></parent>`),
			"web/pom.xml":   pom(`<parent><artifactId>app</artifactId></parent><packaging>war</packaging>`),
			"other/pom.xml": pom("")}},
		{"module-setting", project.Settings{MavenModule: "web", MavenProfiles: []string{"other"}, MavenArtifact: []string{"target/a.jar"}}, files{
			"pom.xml": pom(`<packaging>pom</packaging><profiles><profile><id>other</id>
				<modules><module>web</module></modules></profile></profiles>`),
			"web/pom.xml": pom("")}},
		{"snapshot", project.Settings{}, files{"pom.xml": pom(`<version>1-SNAPSHOT</version><dependencies><dependency>
			<artifactId>other</artifactId><version>2-SNAPSHOT</version></dependency></dependencies>`)}},
		{"own-snapshot", project.Settings{}, files{
			"pom.xml": pom(`<packaging>pom</packaging><version>1-SNAPSHOT</version><modules><module>web</module></modules>`),
			"web/pom.xml": pom(`<parent><artifactId>app</artifactId><version>1-SNAPSHOT</version></parent><dependencies><dependency>
				<artifactId>app</artifactId><version>1-SNAPSHOT</version></dependency></dependencies>`)}},
		{"range", project.Settings{}, files{"build.gradle": "dependencies { implementation 'a.b:c:1.+' }\n// 'a:b:2'\n"}},
		{"front-end", project.Settings{}, files{"pom.xml": pom(`<build><plugins><plugin><artifactId>frontend-maven-plugin</artifactId><executions>
			<execution><configuration><nodeVersion>v22.1.0</nodeVersion></configuration></execution></executions></plugin></plugins></build>`)}},
		{"android", project.Settings{}, files{"settings.gradle": "include ':app'",
			"build.gradle":     "plugins { id 'com.android.application' apply false }",
			"app/build.gradle": "apply plugin: 'com.android.application'\n"}},
		{"android-and-server", project.Settings{}, files{"settings.gradle": "include ':app', ':server'", "build.gradle": "",
			"app/build.gradle": "apply plugin: 'com.android.application'\n", "server/build.gradle": "plugins { id('application') }\n"}},
		{"pnpm", project.Settings{}, files{"pom.xml": pom(`<build><plugins><plugin><artifactId>frontend-maven-plugin</artifactId><executions>
			<execution><goals><goal>install-node-and-pnpm</goal></goals></execution></executions></plugin></plugins></build>`)}},
		{"polyglot", project.Settings{}, files{"pom.yml": "modelVersion: 4.0.0\n"}},
		{"gradle-node", project.Settings{}, files{"build.gradle": "plugins { id 'org.springframework.boot' version '4.0.+' }\n" +
			"tasks.register('f', Exec) {\n commandLine('npm', 'install')\n}\n"}},
		{"node-setting", project.Settings{InstallNode: true}, files{"build.gradle": ""}},
		{"two-tools", project.Settings{}, files{"pom.xml": pom(""), "build.gradle": ""}},
		{"two-tools-one-named", project.Settings{GradleFile: "build.gradle"}, files{"pom.xml": pom(""), "build.gradle": "plugins { id 'war' }"}},
		{"another-pom", project.Settings{MavenFile: "build/other.xml"}, files{"build/other.xml": pom("")}},
		{"latin-1", project.Settings{}, files{"pom.xml": "<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?>" +
			"<project><name>M\xfcller &nbsp; &co;</name>" +
			"<properties><maven.compiler.release>21</maven.compiler.release></properties></project>"}},
		{"gradle", project.Settings{}, files{"build.gradle": "plugins {\n  id 'org.springframework.boot' version '3.2.1' // 2.0\n}\n" +
			"/* sourceCompatibility = 25 */\nsourceCompatibility = '17'\n",
			"gradle/wrapper/gradle-wrapper.properties": "distributionUrl=https\\://services.example.test/distributions/gradle-8.5-all.zip\n"}},
		{"gradle-kotlin", project.Settings{}, files{
			"settings.gradle.kts": "rootProject.name = \"x\"\ninclude(\n  \"app\",\n  \":lib:core\"\n)\ninclude(\"../out\")\n",
			"build.gradle.kts":    "",
			"app/build.gradle.kts": "plugins {\n application\n kotlin(\"jvm\") version \"2.1.0\"\n}\nkotlin { jvmToolchain(17) }\n" +
				"// jvmToolchain(8)\nval a = \"https://example.test/\"\n",
			"lib/core/build.gradle.kts": "java { targetCompatibility = JavaVersion.VERSION_1_8 }"}},
		{"sbt", project.Settings{}, files{"build.sbt": "", "project/build.properties": "sbt.version = 1.8.2\n"}},
		{"leiningen", project.Settings{}, files{"project.clj": ""}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p, err := app(t, tt.s, tt.files)
			if err != nil {
				t.Fatal(err)
			}
			kittest.Golden(t, tt.name+".txt", describe(p))
		})
	}
}

// TestRefused has what a person reads of files and settings that are wrong.
func TestRefused(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		s     project.Settings
		files files
	}{
		{"no-xml", project.Settings{}, files{"pom.xml": "project"}},
		{"cut", project.Settings{}, files{"pom.xml": "<project><name>a</nam"}},
		{"deep", project.Settings{}, files{"pom.xml": strings.Repeat("<a>\n", 200)}},
		{"large", project.Settings{}, files{"pom.xml": "<project>" + strings.Repeat(" ", 4<<20)}},
		{"module-outside", project.Settings{}, files{"pom.xml": pom("<modules><module>../../other</module></modules>")}},
		{"module", project.Settings{MavenModule: "../x"}, files{"pom.xml": pom("")}},
		{"elements", project.Settings{}, files{"pom.xml": "<project>" + strings.Repeat("<a/>", 200_000)}},
		{"gradle-file", project.Settings{GradleFile: "other.gradle"}, files{"other.gradle": ""}},
		{"artifact", project.Settings{MavenArtifact: []string{"../*.jar"}}, files{"pom.xml": pom("")}},
		{"file", project.Settings{MavenFile: "other.xml"}, files{"pom.xml": pom("")}},
		{"extensions", project.Settings{}, files{"pom.xml": pom(""), ".mvn/extensions.xml": "x"}},
	}
	for _, tt := range tests {
		_, err := app(t, tt.s, tt.files)
		if !errors.As(err, new(fault.Fault)) {
			t.Errorf("%s: %v is no fault", tt.name, err)
			continue
		}
		kittest.Golden(t, "fault-"+tt.name+".txt", err.Error()+"\n")
	}
}

// TestHostile reads poms that would make a reader grow or run in circles, and links that lead out.
func TestHostile(t *testing.T) {
	t.Parallel()
	laughs := "<properties><a>" + strings.Repeat("x", 900) + "</a>"
	for _, name := range []string{"b", "c", "d", "e", "f", "g"} {
		laughs += "<" + name + ">" + strings.Repeat("${"+string(name[0]-1)+"}", 50) + "</" + name + ">"
	}
	for name, f := range map[string]files{
		"properties of themselves": {"pom.xml": pom("<properties><a>${b}</a><b>${a}</b>" +
			"<maven.compiler.release>${a}</maven.compiler.release></properties>")},
		"properties that grow": {"pom.xml": pom(laughs + "<maven.compiler.release>${g}</maven.compiler.release></properties>")},
		"entities": {"pom.xml": `<!DOCTYPE p [<!ENTITY a "aaaa"><!ENTITY b SYSTEM "file:///etc/passwd">]>` +
			pom("<properties><maven.compiler.release>&a;&b;</maven.compiler.release></properties>")},
		"a parent of itself": {"pom.xml": pom("<parent><artifactId>app</artifactId><relativePath>pom.xml</relativePath></parent>")},
		"parents of each other": {"pom.xml": pom("<parent><artifactId>app</artifactId><relativePath>x/pom.xml</relativePath></parent>"),
			"x/pom.xml": pom("<parent><artifactId>app</artifactId></parent>")},
		"modules of each other": {"pom.xml": pom("<modules><module>x</module></modules>"),
			"x/pom.xml": pom("<modules><module>..</module></modules>")},
	} {
		p, err := app(t, project.Settings{}, f)
		if err != nil || len(p.Java()) > 0 || p.Tool != project.Maven {
			t.Errorf("%s: %s, %v", name, describe(p), err)
		}
	}
	dir := t.TempDir()
	if err := os.Symlink("/etc/hostname", filepath.Join(dir, "pom.xml")); err != nil {
		t.Fatal(err)
	}
	if p, err := project.Find(dir, project.Settings{}); p.File != "" || err != nil {
		t.Errorf("a link out of the app is read: %s, %v", describe(p), err)
	}
}
