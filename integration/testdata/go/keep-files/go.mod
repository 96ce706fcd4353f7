module example.test/keep-files

go 1.26.8
