module example.test/workspace/greeting

go 1.26.8
