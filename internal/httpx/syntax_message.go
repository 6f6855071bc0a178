package httpx

// SyntaxMessage says why text is not JSON, in the words of the engine that
// clients of Backstage have heard so far. It is for JSON that comes in other
// places than a body, such as a cursor.
func SyntaxMessage(text []byte) string { return syntaxMessage(text) }
