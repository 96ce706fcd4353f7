module example.test/several

go 1.26.8
