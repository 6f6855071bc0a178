// Package pace has a source read again for those who need it as of now, and
// not more often than the source should be read.
//
// Keys of tokens are the case: a key that is not known may be a second old, or
// may be invented. Whoever asks gets a read that started after the question, so
// that a fresh key is always found; everybody who asks meanwhile shares it, so
// that inventions cost one read a moment.
//
// What not: it keeps nothing of what was read.
//
// Start reading at [Pace.Do].
package pace
