package bp

// EnvToolsDir names the folder in which a platform keeps tools for all apps. A build finds it read-only.
const EnvToolsDir = "BP_TOOLS_DIR"

// EnvInstallTool names the one tool that a build of no app is to install, by the buildpack whose plan has it.
const EnvInstallTool = "BP_INSTALL_TOOL"

// EnvRunImageChosen is set where the user of the platform has chosen the run image, and the platform has not.
const EnvRunImageChosen = "BP_RUN_IMAGE_CHOSEN"

// toolsKey is the key of a plan entry's metadata under which a platform finds the tools that a build would use.
const toolsKey = "tools"

// Tools returns a plan entry that tells which tools the build would use. A platform that keeps tools for all apps
// has each installed once, by the buildpack's Install.
func Tools(name string, tools ...string) Entry {
	if len(tools) == 0 {
		return Entry{Name: name}
	}
	return Entry{Name: name, Metadata: map[string]any{toolsKey: tools}}
}
