package layer

// Env is the environment that a layer gives to others, by file name as the Buildpack API wants it ("PATH.prepend").
type Env map[string]string

// Default sets a variable unless it is set already.
func (e Env) Default(name, value string) { e[name+".default"] = value }

// Override sets a variable whatever it was.
func (e Env) Override(name, value string) { e[name+".override"] = value }

// OverrideIn sets a variable for one process, whatever it was.
func (e Env) OverrideIn(process, name, value string) { e.Override(process+"/"+name, value) }

// Prepend puts value and the delimiter before what the variable holds.
func (e Env) Prepend(name, delimiter, value string) {
	e[name+".prepend"], e[name+".delim"] = value, delimiter
}

// Append puts the delimiter and value after what the variable holds.
func (e Env) Append(name, delimiter, value string) {
	e[name+".append"], e[name+".delim"] = value, delimiter
}
