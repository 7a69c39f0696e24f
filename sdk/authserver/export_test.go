package authserver

// Unanswered returns how many requests are on their way.
func (c *Client) Unanswered() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.calls)
}
