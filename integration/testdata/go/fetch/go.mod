module example.test/fetch

go 1.26.8
