module example.test/embed

go 1.26.8
