module example.test/write

go 1.26.8
