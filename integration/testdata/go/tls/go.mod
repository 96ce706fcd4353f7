module example.test/tls

go 1.26.8
