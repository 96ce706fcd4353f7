module example.test/cgo

go 1.26.8
