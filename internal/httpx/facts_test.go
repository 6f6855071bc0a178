package httpx

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestFacts_NameTheCallerThatTrustedProxiesVouchFor(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		trust, remote string
		forwarded     []string
		want          string
	}{
		"nobody is trusted":                   {`null`, "10.0.0.1:80", []string{"9.9.9.9"}, "10.0.0.1"},
		"false is nobody":                     {`false`, "10.0.0.1:80", []string{"9.9.9.9"}, "10.0.0.1"},
		"everybody is trusted":                {`true`, "10.0.0.1:80", []string{"9.9.9.9, 8.8.8.8", "7.7.7.7"}, "9.9.9.9"},
		"one proxy":                           {`1`, "10.0.0.1:80", []string{"9.9.9.9, 8.8.8.8"}, "8.8.8.8"},
		"more proxies than there are":         {`5`, "10.0.0.1:80", []string{"9.9.9.9"}, "9.9.9.9"},
		"a network":                           {`"10.0.0.0/8"`, "10.0.0.1:80", []string{"9.9.9.9, 10.2.3.4"}, "9.9.9.9"},
		"a caller outside the network":        {`["10.0.0.0/8"]`, "11.0.0.1:80", []string{"9.9.9.9"}, "11.0.0.1"},
		"names":                               {`"loopback, uniquelocal"`, "[::1]:80", []string{"9.9.9.9, 192.168.1.1"}, "9.9.9.9"},
		"an address":                          {`["10.0.0.1"]`, "10.0.0.1:80", []string{"9.9.9.9, 10.0.0.2"}, "10.0.0.2"},
		"a trusted proxy that names nobody":   {`true`, "10.0.0.1:80", nil, "10.0.0.1"},
		"a trusted proxy that names nonsense": {`true`, "10.0.0.1:80", []string{"9.9.9.9, <script>"}, "10.0.0.1"},
	} {
		var v any
		if err := json.Unmarshal([]byte(tc.trust), &v); err != nil {
			t.Fatal(err)
		}
		trust, err := ParseTrustProxy(v)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		r := httptest.NewRequest(http.MethodGet, "http://portal.example:7/x?token=1", nil)
		r.RemoteAddr = tc.remote
		for _, f := range tc.forwarded {
			r.Header.Add("X-Forwarded-For", f)
		}
		got := factsOf(r, trust)
		if want := (Facts{Method: "GET", Path: "/x", IP: tc.want, Host: "portal.example"}); got != want {
			t.Errorf("%s: %+v, want %+v", name, got, want)
		}
	}
	for _, bad := range []string{`"nowhere"`, `-1`, `1.5`, `{}`, `["10.0.0.0/99"]`} {
		var v any
		if err := json.Unmarshal([]byte(bad), &v); err != nil {
			t.Fatal(err)
		}
		if _, err := ParseTrustProxy(v); err == nil {
			t.Errorf("%s is accepted", bad)
		}
	}
}

func TestFacts_AreInTheContextOfAHandler(t *testing.T) {
	t.Parallel()
	if _, ok := FactsOf(t.Context()); ok {
		t.Error("a context without a request has facts")
	}
	mux := NewMux("p", "/api/p", Guard{})
	var got Facts
	mux.Handle("GET /x", Default, func(w http.ResponseWriter, r *http.Request) error {
		got, _ = FactsOf(r.Context())
		return NoContent(w)
	})
	r := httptest.NewRequest(http.MethodGet, "/api/p/x?a=b", nil)
	r.Header.Set("User-Agent", "test")
	mux.ServeHTTP(httptest.NewRecorder(), r)
	if want := (Facts{Method: "GET", Path: "/api/p/x", IP: "192.0.2.1", Host: "example.com", UserAgent: "test"}); got != want {
		t.Errorf("facts %+v, want %+v", got, want)
	}
}
