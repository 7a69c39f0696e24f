# The two commands to know: `make run` builds everything and starts a server to
# try, `make test` passes all tests. Both need Go, gcc and make.

MODULES := sdk core plugins cmd
BIN     := $(CURDIR)/bin
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
LDFLAGS := -X github.com/atedb/atedb/sdk/plugin.version=$(VERSION) -X main.version=$(VERSION)

.PHONY: build run test race lint fmt generate check-generated isolated bench fuzz clean

build: ## Build every program into ./bin
	@mkdir -p $(BIN)
	go build -trimpath -ldflags '$(LDFLAGS)' -o $(BIN)/ ./cmd/...

run: build ## Start a server on port 5000 that anyone may write to
	@echo
	@echo 'Try, in another terminal:'
	@echo '  bin/ate put ws://127.0.0.1:5000/db/example.com/joe/mydb greeting hello'
	@echo '  bin/ate get ws://127.0.0.1:5000/db/example.com/joe/mydb greeting'
	@echo '  bin/ate log ws://127.0.0.1:5000/db/example.com/joe/mydb --follow'
	@echo
	$(BIN)/atedb --no-auth --no-wire-encryption solo -l 127.0.0.1 -p 5000 ./data

test: ## Run all tests
	go test $(addprefix ./,$(addsuffix /...,$(MODULES)))

race: ## Run all tests with the race detector, which holds up no exit
	GORACE=atexit_sleep_ms=0 go test -race -timeout 20m $(addprefix ./,$(addsuffix /...,$(MODULES)))

lint: ## Check formatting, vet, and the linters with the import rules
	@test -z "$$(gofmt -l $(MODULES))" || { echo 'not gofmt-ed:'; gofmt -l $(MODULES); exit 1; }
	go vet $(addprefix ./,$(addsuffix /...,$(MODULES)))
	@cd tools/lint && GOWORK=off go build -o $(BIN)/golangci-lint github.com/golangci/golangci-lint/v2/cmd/golangci-lint
	@for m in $(MODULES); do echo "golangci-lint $$m"; (cd $$m && $(BIN)/golangci-lint run ./...) || exit 1; done

isolated: ## Build and vet each module without the workspace
	@for m in $(MODULES); do echo "GOWORK=off go build $$m"; (cd $$m && GOWORK=off go build ./... && GOWORK=off go vet ./...) || exit 1; done

generate: ## Make the generated code anew, with the tools that tools/generate pins
	@cd tools/generate && GOWORK=off GOBIN=$(BIN) go install tool
	cd sdk && PATH="$(BIN):$$PATH" buf lint
	cd sdk && PATH="$(BIN):$$PATH" buf generate
	cd sdk && PATH="$(BIN):$$PATH" buf generate --template buf.gen.vtproto.yaml

check-generated: generate ## Fail if the committed generated code is not fresh
	@git diff --exit-code --stat -- '*.pb.go' || { echo 'generated code is stale: run make generate and commit it'; exit 1; }

bench: build ## Measure the server on this machine's disk
	$(BIN)/atedb-bench -dir $(or $(BENCH_DIR),$(CURDIR)/bin)

fuzz: ## Fuzz each decoder for FUZZTIME (default 20s)
	@for m in $(MODULES); do (cd $$m && for p in $$(go list ./...); do \
	  for f in $$(go test -list '^Fuzz' $$p | grep '^Fuzz'); do \
	    echo "$$p $$f"; go test -run '^$$' -fuzz "^$$f$$" -fuzztime $(or $(FUZZTIME),20s) -fuzzminimizetime 10x $$p || exit 1; done; done) || exit 1; done

clean: ## Remove what was built and the data of make run
	rm -rf $(BIN) ./data
