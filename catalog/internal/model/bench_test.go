package model_test

import (
	"testing"

	"github.com/stagedoor/stagedoor/catalog"
	"github.com/stagedoor/stagedoor/catalog/internal/model"
)

const typicalComponent = `
apiVersion: backstage.io/v1alpha1
kind: Component
metadata:
  name: checkout-worker
  namespace: default
  title: Checkout worker
  description: Takes paid carts and turns them into orders.
  annotations:
    backstage.io/managed-by-location: url:https://example.com/shop/blob/main/catalog-info.yaml
    backstage.io/managed-by-origin-location: url:https://example.com/shop/blob/main/catalog-info.yaml
    backstage.io/techdocs-ref: dir:.
    github.com/project-slug: shop/checkout
  labels: {tier: backend, example.com/cost: low}
  tags: [go, worker, queue]
  links:
    - {url: "https://example.com/dashboard", title: Dashboard, icon: dashboard}
    - {url: "https://example.com/runbook", title: Runbook}
spec:
  type: service
  lifecycle: production
  owner: group:default/checkout
  system: shop
  providesApis: [orders, carts]
  consumesApis: [payments]
  dependsOn: [resource:default/orders-db, component:default/mailer]
`

func BenchmarkValidate(b *testing.B) {
	m := newModel(b, model.Options{AI: true})
	e := entityOf(b, typicalComponent)
	b.ReportAllocs()
	for b.Loop() {
		m.Prepare(e)
		if err := m.CheckEnvelope(e); err != nil {
			b.Fatal(err)
		}
		if _, err := m.CheckKind(e); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "entities/s")
}

func BenchmarkRelations(b *testing.B) {
	m := newModel(b, model.Options{})
	e := entityOf(b, typicalComponent)
	b.ReportAllocs()
	var out []catalog.Relation
	for b.Loop() {
		m.Finish(e)
		out = m.Relations(e)
	}
	if len(out) != 14 {
		b.Fatalf("got %d relations", len(out))
	}
}

func BenchmarkAppendEntity(b *testing.B) {
	e := entityOf(b, typicalComponent)
	b.ReportAllocs()
	buf := model.AppendEntity(nil, e)
	b.SetBytes(int64(len(buf)))
	for b.Loop() {
		buf = model.AppendEntity(buf[:0], e)
	}
}

func BenchmarkNew(b *testing.B) {
	for b.Loop() {
		newModel(b, model.Options{AI: true})
	}
}
