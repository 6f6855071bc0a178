package rest

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/stagedoor/stagedoor/catalog"
	"github.com/stagedoor/stagedoor/catalog/internal/service"
	"github.com/stagedoor/stagedoor/catalog/internal/service/layout"
	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/httpx"
)

var historyParams = httpx.Params{List: []httpx.Param{
	{Name: "before", Type: httpx.Integer, Min: httpx.Bound(0)}, paramLimit,
}}

func (h *rest) listVersions(w http.ResponseWriter, r *http.Request) error {
	q, err := historyParams.Parse(r)
	if err != nil {
		return err
	}
	before, _ := q.Int("before")
	limit, _ := q.Int("limit")
	history, err := h.service.History(r.Context(), pathRef(r), int64(before), limit)
	if err != nil {
		return err
	}
	return httpx.JSON(w, r, history)
}

func (h *rest) getVersion(w http.ResponseWriter, r *http.Request) error {
	if err := noQuery(r); err != nil {
		return err
	}
	number, err := strconv.ParseInt(r.PathValue("version"), 10, 64)
	if err != nil || number < 1 {
		return fault.Newf(fault.Invalid, "a version is a number from 1, not %q", r.PathValue("version"))
	}
	v, err := h.service.Version(r.Context(), pathRef(r), number)
	if err != nil {
		return err
	}
	return httpx.JSON(w, r, v)
}

var diffParams = httpx.Params{List: []httpx.Param{
	{Name: "from", Type: httpx.Integer, Min: httpx.Bound(0)}, {Name: "to", Type: httpx.Integer, Min: httpx.Bound(0)},
}}

func (h *rest) diffVersions(w http.ResponseWriter, r *http.Request) error {
	q, err := diffParams.Parse(r)
	if err != nil {
		return err
	}
	from, _ := q.Int("from")
	to, _ := q.Int("to")
	diff, err := h.service.Diff(r.Context(), pathRef(r), int64(from), int64(to))
	if err != nil {
		return err
	}
	return httpx.JSON(w, r, diff)
}

var explainParams = httpx.Params{List: []httpx.Param{{Name: "entityRef"}, {Name: "target"}}}

func (h *rest) explain(w http.ResponseWriter, r *http.Request) error {
	q, err := explainParams.Parse(r)
	if err != nil {
		return err
	}
	subject := q.String("target")
	if q.Has("entityRef") == q.Has("target") {
		if !q.Has("target") {
			return h.explainAll(w, r)
		}
		return fault.New(fault.Invalid, "give either entityRef or target")
	}
	if q.Has("entityRef") {
		ref, err := catalog.ParseRef(q.String("entityRef"), catalog.RefDefaults{})
		if err != nil {
			return err
		}
		subject = ref.String()
	} else if !strings.Contains(subject, ":") && !strings.HasPrefix(subject, "/") {
		return fault.Newf(fault.Invalid, "target must be a URL, an absolute path or type:target, not %q", subject)
	}
	x, err := h.service.Explain(r.Context(), subject)
	if err != nil {
		return err
	}
	return httpx.JSON(w, r, x)
}

// explainAll lists every document that was left out.
func (h *rest) explainAll(w http.ResponseWriter, r *http.Request) error {
	refused, err := h.service.Problems(r.Context())
	if err != nil {
		return err
	}
	return httpx.JSON(w, r, map[string]any{
		"subject": "", "verdict": "problems", "refused": refused,
		"message": fmt.Sprintf("%d documents were left out.", len(refused)),
	})
}

// relationType is a relation type with its names for people.
type relationType struct {
	Type    string `json:"type"`
	Label   string `json:"label"`
	Reverse string `json:"reverse"`
}

func (h *rest) listKinds(w http.ResponseWriter, r *http.Request) error {
	if err := noQuery(r); err != nil {
		return err
	}
	kinds := h.service.Kinds()
	var relations []relationType
	add := func(t relationType) {
		if !slices.ContainsFunc(relations, func(x relationType) bool { return x.Type == t.Type }) {
			relations = append(relations, t)
		}
	}
	for _, k := range kinds {
		for _, f := range k.Relations {
			add(relationType{f.Type, f.Label, f.Reverse})
			add(relationType{f.Reverse, f.ReverseLabel, f.Type})
		}
	}
	slices.SortFunc(relations, func(a, b relationType) int { return cmp.Compare(a.Type, b.Type) })
	return httpx.JSON(w, r, struct {
		Kinds     []service.KindInfo `json:"kinds"`
		Relations []relationType     `json:"relations"`
	}{kinds, relations})
}

var graphParams = httpx.Params{List: []httpx.Param{
	{Name: "rootRefs", Required: true, Repeated: true},
	{Name: "maxDepth", Type: httpx.Integer, Min: httpx.Bound(0), Max: httpx.Bound(20)},
	{Name: "relations", Repeated: true},
	{Name: "kinds", Repeated: true},
	{Name: "direction", Enum: []string{"LR", "TB", "RL", "BT"}},
	{Name: "mergeRelations", Type: httpx.Boolean},
	{Name: "unidirectional", Type: httpx.Boolean},
	{Name: "limit", Type: httpx.Integer, Min: httpx.Bound(1), Max: httpx.Bound(service.MaxGraphNodes)},
}}

func (h *rest) getGraph(w http.ResponseWriter, r *http.Request) error {
	q, err := graphParams.Parse(r)
	if err != nil {
		return err
	}
	req := service.GraphQuery{
		Roots: split(q.Strings("rootRefs")), Depth: service.DefaultGraphDepth,
		Relations: split(q.Strings("relations")), Kinds: split(q.Strings("kinds")),
		Direction: layout.Direction(q.String("direction")),
		Separate:  q.String("mergeRelations") == "false", Both: q.String("unidirectional") == "false",
	}
	if depth, ok := q.Int("maxDepth"); ok {
		req.Depth = depth
	}
	req.Limit, _ = q.Int("limit")
	g, err := h.service.Graph(r.Context(), req)
	if err != nil {
		return err
	}
	return httpx.JSON(w, r, g)
}

func split(lists []string) []string {
	var out []string
	for _, list := range lists {
		for item := range strings.SplitSeq(list, ",") {
			if item = strings.TrimSpace(item); item != "" {
				out = append(out, item)
			}
		}
	}
	return out
}

var eventParams = httpx.Params{List: []httpx.Param{{Name: "after", Type: httpx.Integer, Min: httpx.Bound(0)}}}

type changeEvent struct {
	Seq     int64       `json:"seq"`
	Changes []changeRef `json:"changes"`
}

type changeRef struct {
	Ref     string `json:"ref"`
	Removed bool   `json:"removed,omitempty"`
}

// streamEvents answers GET /events: ready with the present sequence number,
// then change for every batch, and reset when the client must read everything
// anew because it missed changes.
func (h *rest) streamEvents(w http.ResponseWriter, r *http.Request) error {
	q, err := eventParams.Parse(r)
	if err != nil {
		return err
	}
	after, has := q.Int("after")
	if id, err := strconv.Atoi(r.Header.Get("Last-Event-Id")); err == nil {
		after, has = id, true
	}
	watch, err := h.service.Watch(r.Context())
	if err != nil {
		return err
	}
	defer watch.Close()
	stream, err := httpx.NewEventStream(w)
	if err != nil {
		return err
	}
	first := "ready"
	if has && int64(after) != watch.Seq {
		first = "reset"
	}
	if err := stream.SendText(first, strconv.FormatInt(watch.Seq, 10), fmt.Sprintf(`{"seq":%d}`, watch.Seq)); err != nil {
		return nil // the client went away
	}
	beat := time.NewTicker(h.heartbeat)
	defer beat.Stop()
	end := time.NewTimer(h.lifetime)
	defer end.Stop()
	for {
		select {
		case <-end.C:
			return nil
		case <-r.Context().Done():
			return nil
		case <-h.done:
			return nil
		case <-beat.C:
			if stream.Comment("still here") != nil {
				return nil
			}
		case changes := <-watch.Changes:
			if sendChanges(stream, changes) != nil {
				return nil
			}
		}
	}
}

func sendChanges(stream *httpx.EventStream, changes []catalog.Change) error {
	if len(changes) == 0 {
		return stream.Send("reset", map[string]any{})
	}
	e := changeEvent{Changes: make([]changeRef, len(changes))}
	for i, c := range changes {
		e.Seq = max(e.Seq, c.Seq)
		e.Changes[i] = changeRef{c.Ref, c.Removed}
	}
	data, err := jsonText(e)
	if err != nil {
		return err
	}
	return stream.SendText("change", strconv.FormatInt(e.Seq, 10), data)
}
