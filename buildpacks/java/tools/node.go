package tools

// nodeOptions returns the options that keep plugins from downloading Node.js by themselves where the build has it.
func (b *builder) nodeOptions() []string { return nil }
