module example.test/procfile

go 1.26.8
