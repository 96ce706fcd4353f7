// Package nomain is a library: there is nothing to start.
package nomain

// Answer is all it has.
const Answer = 42
