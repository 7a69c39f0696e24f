module github.com/atedb/atedb/core

go 1.26.0

require github.com/atedb/atedb/sdk v0.0.0

replace github.com/atedb/atedb/sdk => ../sdk
