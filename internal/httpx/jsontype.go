package httpx

// JSONType names the type of a decoded JSON value as validators do: null,
// boolean, number, string, array or object.
func JSONType(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case bool:
		return "boolean"
	case float64:
		return "number"
	case string:
		return "string"
	case []any:
		return "array"
	}
	return "object"
}
