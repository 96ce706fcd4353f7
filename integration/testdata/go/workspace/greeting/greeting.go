// Package greeting is the workspace's library module.
package greeting

// Text is what the app answers with.
const Text = "Greetings from the workspace"
