package rest

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/httpx"
	"github.com/stagedoor/stagedoor/notification"
	"github.com/stagedoor/stagedoor/notification/internal/store"
)

var (
	commonParams = []httpx.Param{
		{Name: "search", AllowEmpty: true},
		{Name: "read", Type: httpx.Boolean},
		{Name: "saved", Type: httpx.Boolean},
		{Name: "createdAfter", AllowEmpty: true},
		{Name: "minimumSeverity", AllowEmpty: true},
	}
	topicParams = httpx.Params{AllowUnknown: true, List: commonParams}
	listParams  = httpx.Params{AllowUnknown: true, List: slices.Concat(commonParams, []httpx.Param{
		{Name: "offset", Type: httpx.Integer, Min: httpx.Bound(0)},
		{Name: "limit", Type: httpx.Integer, Min: httpx.Bound(0)},
		{Name: "orderField", Repeated: true, AllowEmpty: true},
		{Name: "topic", AllowEmpty: true},
	})}
)

// The shapes of bodies.
var (
	text       = httpx.Schema{Type: httpx.String}
	flag       = httpx.Schema{Type: httpx.Boolean}
	texts      = httpx.Schema{Type: httpx.Array, Items: &text}
	oneOrMore  = httpx.Schema{Types: []httpx.Type{httpx.String, httpx.Array}, Items: &text}
	severities = httpx.Schema{Type: httpx.String, Enum: []any{"critical", "high", "normal", "low"}}

	sendSchema = object([]string{"recipients", "payload"}, httpx.Property{
		Name: "recipients", Schema: object(
			[]string{"type"},
			httpx.Property{Name: "type", Schema: httpx.Schema{Type: httpx.String, Enum: []any{"entity", "broadcast"}}},
			httpx.Property{Name: "entityRef", Schema: oneOrMore},
			httpx.Property{Name: "excludeEntityRef", Schema: oneOrMore},
		),
	}, httpx.Property{
		Name: "payload", Schema: object(
			[]string{"title"},
			httpx.Property{Name: "title", Schema: text},
			httpx.Property{Name: "description", Schema: text},
			httpx.Property{Name: "link", Schema: text},
			httpx.Property{Name: "severity", Schema: severities},
			httpx.Property{Name: "topic", Schema: text},
			httpx.Property{Name: "scope", Schema: text},
			httpx.Property{Name: "icon", Schema: text},
			httpx.Property{Name: "metadata", Schema: httpx.Schema{Type: httpx.Object}},
		),
	})
	updateSchema = object(
		[]string{"ids"},
		httpx.Property{Name: "ids", Schema: texts},
		httpx.Property{Name: "read", Schema: flag},
		httpx.Property{Name: "saved", Schema: flag},
	)
	settingsSchema = object([]string{"channels"}, httpx.Property{Name: "channels", Schema: list(object(
		[]string{"id", "origins"},
		httpx.Property{Name: "id", Schema: text},
		httpx.Property{Name: "enabled", Schema: flag},
		httpx.Property{Name: "origins", Schema: list(object(
			[]string{"id", "enabled"},
			httpx.Property{Name: "id", Schema: text},
			httpx.Property{Name: "enabled", Schema: flag},
			httpx.Property{Name: "topics", Schema: list(object(
				[]string{"id", "enabled"},
				httpx.Property{Name: "id", Schema: text},
				httpx.Property{Name: "enabled", Schema: flag},
			))},
		))},
	))})
)

func object(required []string, properties ...httpx.Property) httpx.Schema {
	return httpx.Schema{Type: httpx.Object, Required: required, Properties: properties}
}

func list(items httpx.Schema) httpx.Schema { return httpx.Schema{Type: httpx.Array, Items: &items} }

func parseQuery(r *http.Request, params *httpx.Params) (store.Query, error) {
	given, err := params.Parse(r)
	if err != nil {
		return store.Query{}, err
	}
	q := store.Query{User: user(r), Topic: given.String("topic"), Search: given.String("search")}
	q.Limit, _ = given.Int("limit")
	q.Offset, _ = given.Int("offset")
	for name, into := range map[string]**bool{"read": &q.Read, "saved": &q.Saved} {
		if given.Has(name) {
			set := given.Bool(name)
			*into = &set
		}
	}
	if s := given.String("minimumSeverity"); s != "" {
		q.Minimum = notification.Severity(strings.ToLower(s))
		if !slices.Contains(notification.Severities(), q.Minimum) {
			q.Minimum = notification.Normal
		}
	}
	if s := given.String("createdAfter"); s != "" {
		if q.CreatedAfter, err = parseDate(s); err != nil {
			return store.Query{}, err
		}
	}
	for _, field := range given.Strings("orderField") {
		if field == "" {
			continue
		}
		name, direction, directed := strings.Cut(field, ",")
		if directed && direction != "asc" && direction != "desc" {
			return store.Query{}, fault.New(fault.Invalid, "Invalid order field order, must be asc or desc")
		}
		q.Order = append(q.Order, store.Order{Field: name, Desc: direction == "desc"})
	}
	return q, nil
}

// parseDate reads the dates that JavaScript reads, as far as anybody writes
// them in a query.
func parseDate(s string) (time.Time, error) {
	for _, layout := range []string{
		time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02T15:04Z07:00", "2006-01-02T15:04", time.DateOnly, "2006-01", "2006",
		time.RFC1123, time.RFC1123Z,
	} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fault.New(fault.Invalid, "Unexpected date format")
}
