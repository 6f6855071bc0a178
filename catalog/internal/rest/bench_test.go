package rest_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stagedoor/stagedoor/catalog"
	"github.com/stagedoor/stagedoor/catalog/internal/index"
	"github.com/stagedoor/stagedoor/catalog/internal/rest"
	"github.com/stagedoor/stagedoor/catalog/internal/service"
	"github.com/stagedoor/stagedoor/identity"
	"github.com/stagedoor/stagedoor/internal/httpx"
)

// large is the interface over n entities of a company that does not exist.
func large(b *testing.B, n int) *httpx.Mux { return largeUnder(b, n, policy{}) }

func largeUnder(b *testing.B, n int, p policy) *httpx.Mux {
	b.Helper()
	x := index.New(index.Options{})
	kinds := []string{"Component", "Component", "API", "Resource", "System"}
	types := []string{"service", "library", "website"}
	err := x.Load(func(yield func(index.Record) bool) error {
		for i := range n {
			kind := kinds[i%len(kinds)]
			ref := fmt.Sprintf("%s:default/entity-%06d", kind, i)
			owner := fmt.Sprintf("group:default/team-%d", i%1000)
			json := fmt.Sprintf(`{"metadata":{"namespace":"default","annotations":{"backstage.io/managed-by-location":"file:/srv/catalog/part-%d.yaml","backstage.io/managed-by-origin-location":"file:/srv/catalog/all.yaml"},"name":"entity-%06d","title":"Entity %d","description":"One of very many, made up for measuring.","tags":["go","team-%d"]},"apiVersion":"backstage.io/v1alpha1","kind":%q,"spec":{"type":%q,"lifecycle":"production","owner":"team-%d"}}`,
				i%200, i, i, i%50, kind, types[i%len(types)], i%1000)
			ok := yield(index.Record{
				Ref: catalog.MustRef(ref).String(), UID: fmt.Sprintf("%08x-0000-4000-8000-%012x", i*2654435761, i), JSON: []byte(json), Version: 1,
				Relations: []catalog.Relation{
					{Source: catalog.MustRef(ref).String(), Type: "ownedBy", Target: owner},
					{Source: owner, Type: "ownerOf", Target: catalog.MustRef(ref).String()},
				},
			})
			if !ok {
				break
			}
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	mux := httpx.NewMux("catalog", "/api/catalog", httpx.Guard{Authenticate: func(r *http.Request) (context.Context, error) {
		return identity.NewContext(r.Context(), identity.Principal{Kind: identity.User, Subject: "user:default/jane"}), nil
	}})
	for _, r := range rest.New(rest.Deps{Service: service.New(service.Deps{Index: x, Authorizer: p})}) {
		mux.Handle(r.Pattern, r.Access, r.Handler)
	}
	return mux
}

// The bar is 10,000 pages a second over 100,000 entities on two cores, with
// the clients on the same machine.
func BenchmarkRequests(b *testing.B) {
	mux := large(b, 100_000)
	server := httptest.NewServer(mux)
	defer server.Close()
	transport := &http.Transport{MaxIdleConnsPerHost: 64, DisableCompression: true}
	client := &http.Client{Transport: transport}
	defer transport.CloseIdleConnections()
	for name, path := range map[string]string{
		"by-query":             "/entities/by-query?filter=kind=component,spec.type=service&orderField=metadata.name,asc&limit=20",
		"by-query with fields": "/entities/by-query?filter=kind=component&orderField=metadata.name,asc&limit=20&fields=kind,metadata.name,metadata.namespace",
		"facets":               "/entity-facets?facet=kind&facet=spec.type&facet=relations.ownedBy",
		"by-name":              "/entities/by-name/component/default/entity-000001",
	} {
		b.Run(name+" handler", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				rec := httptest.NewRecorder()
				mux.ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "/api/catalog"+path, nil))
				if rec.Code != http.StatusOK {
					b.Fatal(rec.Body)
				}
			}
		})
		b.Run(name+" loopback", func(b *testing.B) {
			b.SetParallelism(8)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					resp, err := client.Get(server.URL + "/api/catalog" + path)
					if err != nil {
						b.Error(err)
						return
					}
					_, _ = io.Copy(io.Discard, resp.Body)
					_ = resp.Body.Close()
				}
			})
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "req/s")
		})
	}
}
