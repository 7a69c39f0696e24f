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

// An application keeps a copy of what lives, and the seq up to which it is. It goes
// on from there, and begins again when it was away for so long that it cannot.
func ExampleSubscribeOptions() {
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

	live, next := make(map[string]string), event.Seq(1)
	follow := func() {
		events, err := c.Subscribe(client.SubscribeOptions{
			From: next,
			OnCompacted: func(what client.Compacted) {
				fmt.Printf("events %d to %d were compacted; forget what lives: %t\n", what.From, what.Before-1, what.Forgotten)
				if what.Forgotten {
					clear(live)
				}
			},
			Restart: true,
		})
		if err != nil {
			log.Fatal(err)
		}
		for {
			e, err := events.Next(ctx)
			if err == io.EOF {
				return
			}
			switch key := string(e.Header.Key); {
			case err != nil:
				log.Fatal(err)
			case event.IsReserved(e.Header.Key): // the server's own
			case e.Header.Tombstone:
				delete(live, key)
			default:
				live[key] = string(e.Data)
			}
			next = e.Seq + 1
		}
	}
	write := func(key, value string) {
		e := client.Event{Header: event.Header{Key: []byte(key), Tombstone: value == ""}, Data: []byte(value)}
		if _, err := c.Commit(ctx, e); err != nil {
			log.Fatal(err)
		}
	}

	write("greeting", "hello")
	write("farewell", "bye")
	follow()
	fmt.Println(live)

	write("greeting", "")
	write("farewell", "see you")
	server.Compact("example.com/joe/mydb", 1, 2) // values that have ended, or are superseded
	server.Compact("example.com/joe/mydb", 3)    // a week later, the tombstone
	follow()
	fmt.Println(live)
	// Output:
	// map[farewell:bye greeting:hello]
	// events 3 to 3 were compacted; forget what lives: true
	// map[farewell:see you]
}

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
