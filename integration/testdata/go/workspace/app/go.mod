module example.test/workspace/app

go 1.26.8
