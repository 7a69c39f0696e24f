package client_test

import (
	"context"
	"fmt"
	"io"
	"log"

	"github.com/atedb/atedb/sdk/client"
	"github.com/atedb/atedb/sdk/client/clienttest"
	"github.com/atedb/atedb/sdk/event"
)

func ExampleDial() {
	server, err := clienttest.Start(clienttest.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer server.Close()
	ctx := context.Background()

	c, err := client.Dial(ctx, server.URL("ws", "example.com/joe/mydb"), client.Options{Create: true})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()

	// A commit is durable when it returns.
	receipt, err := c.Commit(ctx, client.Event{
		Header: event.Header{Key: []byte("greeting"), Type: "text"},
		Data:   []byte("hello"),
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("stored as", receipt.First)

	// The log from its beginning; event 0 is the genesis.
	events, err := c.Subscribe(client.SubscribeOptions{From: 1})
	if err != nil {
		log.Fatal(err)
	}
	for {
		e, err := events.Next(ctx)
		if err == io.EOF {
			break
		}
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%d %s = %s\n", e.Seq, e.Header.Key, e.Data)
	}
	// Output:
	// stored as 1
	// 1 greeting = hello
}
