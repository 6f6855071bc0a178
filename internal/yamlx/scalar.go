package yamlx

import (
	"math"
	"math/big"
	"strconv"
	"strings"
)

// schema gives meaning to a plain scalar. The result is nil, bool, float64 or
// string; infinities and NaN stay floats here, because they matter for keys.
type schema func(text string) any

// core is the YAML 1.2 core schema.
func core(text string) any {
	if text == "" {
		return nil
	}
	switch c := text[0]; {
	case c == '~', c == 'n', c == 'N', c == 't', c == 'T', c == 'f', c == 'F':
		switch text {
		case "~", "null", "Null", "NULL":
			return nil
		case "true", "True", "TRUE":
			return true
		case "false", "False", "FALSE":
			return false
		}
	case c >= '0' && c <= '9', c == '.', c == '-', c == '+':
		if number, ok := coreNumber(text); ok {
			return number
		}
	}
	return text
}

func coreNumber(text string) (float64, bool) {
	if special, ok := specialFloat(text); ok {
		return special, true
	}
	if len(text) > 2 && text[0] == '0' {
		switch text[1] {
		case 'o':
			return radix(text[2:], 8)
		case 'x':
			return radix(text[2:], 16)
		}
	}
	if !isDecimal(text) {
		return 0, false
	}
	return decimal(text), true
}

func specialFloat(text string) (float64, bool) {
	switch text {
	case ".nan", ".NaN", ".NAN":
		return math.NaN(), true
	}
	switch strings.TrimLeft(text[:1], "+-") + text[1:] {
	case ".inf", ".Inf", ".INF":
		if text[0] == '-' {
			return math.Inf(-1), true
		}
		return math.Inf(1), true
	}
	return 0, false
}

// isDecimal reports whether text is an integer or a float in decimal digits:
// a sign, digits with at most one dot among or around them, an exponent.
func isDecimal(text string) bool {
	i := 0
	if text[0] == '-' || text[0] == '+' {
		i++
	}
	whole := digits(text[i:])
	i += whole
	fraction := 0
	if i < len(text) && text[i] == '.' {
		i++
		fraction = digits(text[i:])
		i += fraction
	}
	if whole == 0 && fraction == 0 {
		return false
	}
	if i < len(text) && (text[i] == 'e' || text[i] == 'E') {
		i++
		if i < len(text) && (text[i] == '-' || text[i] == '+') {
			i++
		}
		exponent := digits(text[i:])
		if exponent == 0 {
			return false
		}
		i += exponent
	}
	return i == len(text)
}

func digits(text string) int {
	n := 0
	for n < len(text) && text[n] >= '0' && text[n] <= '9' {
		n++
	}
	return n
}

// decimal reads a number that is known to be well formed, with JavaScript's
// precision. Negative zero becomes zero, as it does in JSON.
func decimal(text string) float64 {
	f, err := strconv.ParseFloat(text, 64)
	if err != nil && !math.IsInf(f, 0) {
		return math.NaN()
	}
	if f == 0 {
		return 0
	}
	return f
}

func radix(text string, base int) (float64, bool) {
	for _, c := range []byte(text) {
		if base == 8 && (c < '0' || c > '7') || base == 16 && !isHex(c) {
			return 0, false
		}
	}
	if n, err := strconv.ParseUint(text, base, 53); err == nil {
		return float64(n), true
	}
	if len(text) > 400 {
		return math.Inf(1), true
	}
	n, ok := new(big.Int).SetString(text, base)
	if !ok {
		return 0, false
	}
	f, _ := new(big.Float).SetInt(n).Float64()
	return f, true
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}

// tagged resolves a scalar under an explicit tag of the !!int family: the tag
// counts only if the text has one of its forms, otherwise the text stays.
func tagged(tag, text string, plain schema) any {
	value := plain(text)
	switch tag {
	case "!!null":
		if value == nil {
			return nil
		}
	case "!!bool":
		if b, ok := value.(bool); ok {
			return b
		}
	case "!!int":
		if f, ok := value.(float64); ok && isIntegerForm(text) {
			return f
		}
	case "!!float":
		if f, ok := value.(float64); ok && !isIntegerForm(text) {
			return f
		}
	}
	return text
}

func isIntegerForm(text string) bool {
	if strings.HasPrefix(strings.TrimLeft(text, "+-"), "0x") {
		return true
	}
	return !strings.ContainsAny(text, ".eE")
}

// FormatNumber renders a number as JavaScript's String(n) does: 1, 0.1, 1e+21.
func FormatNumber(f float64) string {
	switch {
	case math.IsNaN(f):
		return "NaN"
	case math.IsInf(f, 1):
		return "Infinity"
	case math.IsInf(f, -1):
		return "-Infinity"
	case f == 0:
		return "0"
	}
	if size := math.Abs(f); size >= 1e-6 && size < 1e21 {
		return strconv.FormatFloat(f, 'f', -1, 64)
	}
	text := strconv.FormatFloat(f, 'e', -1, 64)
	mantissa, exponent, _ := strings.Cut(text, "e")
	sign := exponent[:1]
	return mantissa + "e" + sign + strings.TrimLeft(exponent[1:], "0")
}
