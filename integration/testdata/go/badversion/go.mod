module example.test/badversion

go 1.21

toolchain go1.21.99
