// Package greeting exists in this vendor folder only.
package greeting

// For greets somebody.
func For(name string) string { return "Greetings from " + name }
