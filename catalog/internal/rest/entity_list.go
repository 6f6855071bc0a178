package rest

import (
	"encoding/base64"
	"encoding/json"
	"math"
	"net/http"
	"strings"

	"github.com/stagedoor/stagedoor/catalog/internal/index"
	"github.com/stagedoor/stagedoor/catalog/internal/service"
	"github.com/stagedoor/stagedoor/catalog/internal/service/predicate"
	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/httpx"
)

var listParams = httpx.Params{List: []httpx.Param{
	paramFields, paramLimit, paramFilter, paramOffset, {Name: "after"}, {Name: "order", Repeated: true},
}}

// listEntities answers GET /entities: a bare array, streamed unless a page of
// projected entities is asked for.
func (h *rest) listEntities(w http.ResponseWriter, r *http.Request) error {
	q, err := listParams.Parse(r)
	if err != nil {
		return err
	}
	set, err := predicate.ParseParams(q.Strings("filter"))
	if err != nil {
		return err
	}
	fields, err := parseFields(q.Strings("fields"))
	if err != nil {
		return err
	}
	req := service.ListRequest{Filter: set.Filter(), Limit: -1}
	if req.Order, err = parseOrder(q.Strings("order")); err != nil {
		return err
	}
	paged := q.Has("limit") || q.Has("offset") || q.Has("after")
	if err := readPagination(q, &req); err != nil {
		return err
	}
	list, err := h.service.List(r.Context(), req)
	if err != nil {
		return err
	}
	if list.More && req.Limit > 0 {
		w.Header().Set("Link", nextLink(r, req.Limit, req.Offset+req.Limit))
	}
	if len(list.IDs) == 0 && !paged || fields != nil && paged {
		body := appendList(nil, list.Snapshot, list.IDs, fields)
		return httpx.JSONBytes(w, r, http.StatusOK, body)
	}
	return streamList(w, list.Snapshot, list.IDs, fields)
}

func readPagination(q httpx.Query, req *service.ListRequest) error {
	if limit, ok := q.Int("limit"); ok {
		if limit <= 0 {
			return fault.New(fault.Invalid, "Invalid limit, must be greater than zero")
		}
		req.Limit = limit
	}
	req.Offset, _ = q.Int("offset")
	if !q.Has("after") {
		return nil
	}
	var after struct{ Limit, Offset *float64 }
	text := strings.TrimRight(strings.NewReplacer("-", "+", "_", "/").Replace(q.String("after")), "=")
	data, err := base64.RawStdEncoding.DecodeString(text)
	if err != nil || json.Unmarshal(data, &after) != nil {
		return fault.New(fault.Invalid, "Malformed after cursor, could not be parsed")
	}
	if after.Limit != nil {
		if *after.Limit != math.Trunc(*after.Limit) || *after.Limit < 1 || *after.Limit > math.MaxInt32 {
			return fault.New(fault.Invalid, "Malformed after cursor, limit was not an number")
		}
		req.Limit = int(*after.Limit)
	}
	if after.Offset != nil {
		if *after.Offset != math.Trunc(*after.Offset) || *after.Offset < 0 || *after.Offset > math.MaxInt32 {
			return fault.New(fault.Invalid, "Malformed after cursor, offset was not a number")
		}
		req.Offset = int(*after.Offset)
	}
	return nil
}

// nextLink renders the link header of a page. Like Backstage's it is relative
// to the plugin and not to the host.
func nextLink(r *http.Request, limit, offset int) string {
	cursor, _ := json.Marshal(struct {
		Limit  int `json:"limit"`
		Offset int `json:"offset"`
	}{limit, offset})
	after := formEscape(base64.StdEncoding.EncodeToString(cursor))
	var pairs []string
	placed := false
	for pair := range strings.SplitSeq(r.URL.RawQuery, "&") {
		rawName, rawValue, _ := strings.Cut(pair, "=")
		name, value := formUnescape(rawName), formUnescape(rawValue)
		switch {
		case pair == "", name == "offset":
		case name == "after":
			if !placed {
				placed = true
				pairs = append(pairs, "after="+after)
			}
		default:
			pairs = append(pairs, formEscape(name)+"="+formEscape(value))
		}
	}
	if !placed {
		pairs = append(pairs, "after="+after)
	}
	return "</entities?" + strings.Join(pairs, "&") + `>; rel="next"`
}

func streamList(w http.ResponseWriter, snap *index.Snapshot, ids []index.ID, fields []string) error {
	out := httpx.NewStreamJSON(w)
	writeItems(out, snap, ids, fields)
	return out.Close()
}

// writeItems writes the entities as an array.
func writeItems(out *httpx.StreamJSON, snap *index.Snapshot, ids []index.ID, fields []string) {
	buf := make([]byte, 0, 4096)
	out.Begin()
	for _, id := range ids {
		buf = appendEntity(buf[:0], snap, id, fields)
		out.Element(buf)
	}
	out.End()
}

func appendList(dst []byte, snap *index.Snapshot, ids []index.ID, fields []string) []byte {
	dst = append(dst, '[')
	for i, id := range ids {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendEntity(dst, snap, id, fields)
	}
	return append(dst, ']')
}

func appendEntity(dst []byte, snap *index.Snapshot, id index.ID, fields []string) []byte {
	if fields == nil {
		return snap.AppendJSON(dst, id)
	}
	return snap.Project(dst, id, fields)
}

const hexDigits = "0123456789ABCDEF"

// formEscape encodes as HTML forms do, which differs from url.QueryEscape in
// the asterisk and the tilde.
func formEscape(s string) string {
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', strings.IndexByte("*-._", c) >= 0:
			b.WriteByte(c)
		case c == ' ':
			b.WriteByte('+')
		default:
			b.WriteByte('%')
			b.WriteByte(hexDigits[c>>4])
			b.WriteByte(hexDigits[c&15])
		}
	}
	return b.String()
}

// formUnescape decodes as HTML forms do; what is not validly escaped stays.
func formUnescape(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '+':
			b.WriteByte(' ')
		case s[i] == '%' && i+2 < len(s) && unhex(s[i+1]) >= 0 && unhex(s[i+2]) >= 0:
			b.WriteByte(byte(unhex(s[i+1])<<4 | unhex(s[i+2])))
			i += 2
		default:
			b.WriteByte(s[i])
		}
	}
	return b.String()
}

func unhex(c byte) int { return strings.IndexByte(hexDigits, upper(c)) }

func upper(c byte) byte {
	if c >= 'a' && c <= 'f' {
		return c - 'a' + 'A'
	}
	return c
}
