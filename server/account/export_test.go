package account

// SetChunk says how many accounts CreateAll makes at a time.
func (a *Accounts) SetChunk(n int) { a.chunk = n }
