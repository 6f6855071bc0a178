package yamlx

import (
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// The forms of YAML 1.1, which a document asks for by the directive %YAML 1.1.
var (
	bool11      = regexp.MustCompile(`^(?:[Yy]|[Yy]es|YES|[Tt]rue|TRUE|[Oo]n|ON|[Nn]|[Nn]o|NO|false|False|FALSE|[Oo]ff|OFF)$`)
	true11      = regexp.MustCompile(`^(?:[YyTt]|[Oo][Nn]$)`)
	binary11    = regexp.MustCompile(`^[-+]?0b[01_]+$`)
	octal11     = regexp.MustCompile(`^[-+]?0[0-7_]+$`)
	int11       = regexp.MustCompile(`^[-+]?[0-9][0-9_]*$`)
	hex11       = regexp.MustCompile(`^[-+]?0x[0-9a-fA-F_]+$`)
	exponent11  = regexp.MustCompile(`^[-+]?(?:[0-9][0-9_]*)?(?:\.[0-9_]*)?[eE][-+]?[0-9]+$`)
	float11     = regexp.MustCompile(`^[-+]?(?:[0-9][0-9_]*)?\.[0-9_]*$`)
	sixty11     = regexp.MustCompile(`^[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?$`)
	timestamp11 = regexp.MustCompile(`^([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})` +
		`(?:(?:t|T|[ \t]+)([0-9]{1,2}):([0-9]{1,2}):([0-9]{1,2})(\.[0-9]+)?` +
		`(?:[ \t]*(Z|[-+][012]?[0-9](?::[0-9]{2})?))?)?$`)
)

// yaml11 is the YAML 1.1 schema as far as npm's reader follows it.
func yaml11(text string) any {
	switch text {
	case "", "~", "null", "Null", "NULL":
		return nil
	}
	if bool11.MatchString(text) {
		return true11.MatchString(text)
	}
	if strings.IndexByte("+-.0123456789", text[0]) < 0 && text[0] != 'e' && text[0] != 'E' {
		return text
	}
	if number, ok := number11(text); ok {
		return number
	}
	if stamp, ok := timestamp(text); ok {
		return stamp
	}
	return text
}

func number11(text string) (float64, bool) {
	if special, ok := specialFloat(text); ok {
		return special, true
	}
	sign, unsigned := 1.0, text
	if text[0] == '-' || text[0] == '+' {
		unsigned = text[1:]
		if text[0] == '-' {
			sign = -1
		}
	}
	unsigned = strings.ReplaceAll(unsigned, "_", "")
	signed := func(f float64, ok bool) (float64, bool) {
		if f == 0 {
			return 0, ok
		}
		return sign * f, ok
	}
	switch {
	case binary11.MatchString(text):
		return signed(binaryNumber(unsigned[2:]), true)
	case octal11.MatchString(text):
		return signed(radix(unsigned, 8))
	case hex11.MatchString(text):
		return signed(radix(unsigned[2:], 16))
	case int11.MatchString(text), exponent11.MatchString(text), float11.MatchString(text):
		return signed(decimal(unsigned), true)
	case sixty11.MatchString(text):
		total := 0.0
		for part := range strings.SplitSeq(unsigned, ":") {
			total = total*60 + decimal(part)
		}
		return signed(total, true)
	}
	return 0, false
}

func binaryNumber(text string) float64 {
	f := 0.0
	for _, c := range []byte(text) {
		f = f*2 + float64(c-'0')
	}
	return f
}

// timestamp reads YAML's !!timestamp and renders it as JSON does a Date.
func timestamp(text string) (string, bool) {
	m := timestamp11.FindStringSubmatch(text)
	if m == nil {
		return "", false
	}
	number := func(s string) int { n, _ := strconv.Atoi(s); return n }
	milliseconds := 0
	if m[7] != "" {
		milliseconds = number((m[7] + "00")[1:4])
	}
	at := time.Date(number(m[1]), time.Month(number(m[2])), number(m[3]), number(m[4]), number(m[5]), number(m[6]),
		milliseconds*int(time.Millisecond), time.UTC)
	if zone := m[8]; zone != "" && zone != "Z" {
		hours, minutes, _ := strings.Cut(zone[1:], ":")
		shift := time.Duration(number(hours))*time.Hour + time.Duration(number(minutes))*time.Minute
		if zone[0] == '-' {
			shift = -shift
		}
		at = at.Add(-shift)
	}
	return at.Format("2006-01-02T15:04:05.000Z"), true
}

// jsonNumber is what a float is in JSON: infinities and NaN are null there.
func jsonNumber(f float64) any {
	if math.IsInf(f, 0) || math.IsNaN(f) {
		return nil
	}
	return f
}
