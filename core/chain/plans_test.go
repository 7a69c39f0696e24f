package chain

import "github.com/atedb/atedb/core/chain/chaintest"

type plan = chaintest.Plan

var everywhere = chaintest.Everywhere
