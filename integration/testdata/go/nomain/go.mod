module example.test/nomain

go 1.26.8
