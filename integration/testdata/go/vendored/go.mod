module example.test/vendored

go 1.26.8

require example.test/greeting v1.2.3
