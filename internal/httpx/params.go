package httpx

import (
	"errors"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/stagedoor/stagedoor/internal/fault"
)

// Type is the JSON type of a parameter or a part of a body.
type Type string

// The types.
const (
	String  Type = "string"
	Integer Type = "integer"
	Number  Type = "number"
	Boolean Type = "boolean"
	Object  Type = "object"
	Array   Type = "array"
)

// Param describes one query parameter.
type Param struct {
	Name       string
	Type       Type // default String; the type of the elements if Repeated
	Required   bool
	Repeated   bool     // may be given several times
	AllowEmpty bool     // name= is fine
	Min        *float64 // for numbers
	Max        *float64
	Enum       []string
}

// Params describe the query of a route. Keep them in a package variable and
// call [Params.Parse] once per request.
type Params struct {
	List []Param
	// AllowUnknown accepts parameters that are not listed.
	AllowUnknown bool
}

// Bound is for Param.Min and Param.Max.
func Bound(n float64) *float64 { return &n }

// Query holds the checked parameters of a request.
type Query struct{ values url.Values }

// Parse reads the query of r. It returns an error with code invalid that names
// the parameter and what it must be. name[]=x and name[0]=x count as name=x
// where name may be repeated.
func (p *Params) Parse(r *http.Request) (Query, error) {
	if r.URL.RawQuery == "" {
		return p.check(Query{values: url.Values{}})
	}
	q := Query{values: make(url.Values, 4)}
	var names []string
	for pair := range strings.SplitSeq(r.URL.RawQuery, "&") {
		if pair == "" {
			continue
		}
		rawName, rawValue, _ := strings.Cut(pair, "=")
		name := unescape(rawName)
		if base, index, ok := strings.Cut(name, "["); ok && p.isList(base, index) {
			name = base
		}
		if _, seen := q.values[name]; !seen {
			names = append(names, name)
		}
		q.values[name] = append(q.values[name], unescape(rawValue))
	}
	for _, name := range names {
		param := p.find(name)
		if param == nil {
			if p.AllowUnknown {
				continue
			}
			return Query{}, fault.Newf(fault.Invalid, "Unknown query parameter '%s'", name)
		}
		if values := q.values[name]; len(values) == 1 && values[0] == "" && !param.AllowEmpty {
			return Query{}, fault.Newf(fault.Invalid, "Empty value found for query parameter '%s'", name)
		}
	}
	return p.check(q)
}

func (p *Params) check(q Query) (Query, error) {
	for i := range p.List {
		if param := &p.List[i]; param.Required && len(q.values[param.Name]) == 0 {
			return Query{}, fault.Newf(fault.Invalid, "request/query must have required property '%s'", param.Name)
		}
	}
	if len(q.values) == 0 {
		return q, nil
	}
	for i := range p.List {
		param := &p.List[i]
		values := q.values[param.Name]
		if len(values) > 1 && !param.Repeated {
			return Query{}, queryFault(param.Name, -1, "must be "+string(param.kind()))
		}
		for j, v := range values {
			if text := param.wrong(v); text != "" {
				if !param.Repeated {
					j = -1
				}
				return Query{}, queryFault(param.Name, j, text)
			}
		}
	}
	return q, nil
}

func queryFault(name string, index int, text string) error {
	where := "request/query/" + name
	if index >= 0 {
		where += "/" + strconv.Itoa(index)
	}
	return fault.New(fault.Invalid, where+" "+text)
}

func (p *Param) kind() Type {
	if p.Type == "" {
		return String
	}
	return p.Type
}

// wrong tells what the value should be, or nothing.
func (p *Param) wrong(v string) string {
	var n float64
	switch p.kind() {
	case Integer, Number:
		var err error
		n, err = strconv.ParseFloat(strings.TrimSpace(v), 64)
		if err != nil || math.IsNaN(n) || math.IsInf(n, 0) || p.Type == Integer && n != math.Trunc(n) {
			return "must be " + string(p.Type)
		}
		if text := outOfBounds(n, p.Min, p.Max); text != "" {
			return text
		}
	case Boolean:
		if v != "true" && v != "false" {
			return "must be boolean"
		}
	case String, Object, Array:
	}
	if len(p.Enum) > 0 && !slices.Contains(p.Enum, v) {
		return "must be equal to one of the allowed values: " + strings.Join(p.Enum, ", ")
	}
	return ""
}

func outOfBounds(n float64, low, high *float64) string {
	switch {
	case high != nil && n > *high:
		return "must be <= " + formatNumber(*high)
	case low != nil && n < *low:
		return "must be >= " + formatNumber(*low)
	}
	return ""
}

func formatNumber(n float64) string { return strconv.FormatFloat(n, 'f', -1, 64) }

func (p *Params) find(name string) *Param {
	for i := range p.List {
		if p.List[i].Name == name {
			return &p.List[i]
		}
	}
	return nil
}

// isList reports whether base[index is an element of a repeated parameter.
func (p *Params) isList(base, index string) bool {
	param := p.find(base)
	if param == nil || !param.Repeated || !strings.HasSuffix(index, "]") {
		return false
	}
	index = strings.TrimSuffix(index, "]")
	return strings.Trim(index, "0123456789") == ""
}

// unescape keeps what is not validly escaped as it stands.
func unescape(s string) string {
	if !strings.ContainsAny(s, "%+") {
		return s
	}
	if decoded, err := url.QueryUnescape(s); err == nil {
		return decoded
	}
	return s
}

// Has reports whether the parameter was given.
func (q Query) Has(name string) bool { return len(q.values[name]) > 0 }

// String returns the parameter, or an empty string.
func (q Query) String(name string) string { return q.values.Get(name) }

// Strings returns all values of the parameter in the order given.
func (q Query) Strings(name string) []string { return q.values[name] }

// Int returns the parameter and whether it was given. A number too large is
// the largest there is.
func (q Query) Int(name string) (int, bool) {
	if !q.Has(name) {
		return 0, false
	}
	text := strings.TrimSpace(q.values.Get(name))
	n, err := strconv.Atoi(text)
	switch {
	case err == nil:
		return n, true
	case errors.Is(err, strconv.ErrRange):
		return n, true // Atoi gives the nearest one
	}
	f, err := strconv.ParseFloat(text, 64) // such as 1e3, which is an integer too
	if err != nil {
		return 0, false
	}
	return int(math.Max(math.MinInt32, math.Min(math.MaxInt32, f))), true
}

// Bool returns the parameter, or false.
func (q Query) Bool(name string) bool { return q.values.Get(name) == "true" }

// Map returns the parameters of the form name[key]=value.
func (q Query) Map(name string) map[string][]string {
	out := map[string][]string{}
	for k, v := range q.values {
		if rest, ok := strings.CutPrefix(k, name+"["); ok && strings.HasSuffix(rest, "]") {
			out[strings.TrimSuffix(rest, "]")] = v
		}
	}
	return out
}
