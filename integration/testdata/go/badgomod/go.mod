module example.test/badgomod

go 1.26.8

require (
	example.test/unclosed v1.0.0
