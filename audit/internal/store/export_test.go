package store

// SetFrequent says from how many events on a word is frequent.
func (s *Store) SetFrequent(n int) { s.frequent = n }
