module example.test/pgo

go 1.26.8
