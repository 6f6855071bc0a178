package catalog_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/stagedoor/stagedoor/catalog"
)

func TestParseRef_FillsWhatIsMissing(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		in       string
		defaults catalog.RefDefaults
		want     catalog.Ref
	}{
		"a full reference":                       {"Component:Shop/Cart", catalog.RefDefaults{}, catalog.Ref{Kind: "Component", Namespace: "Shop", Name: "Cart"}},
		"a name alone takes both defaults":       {"cart", catalog.RefDefaults{Kind: "API", Namespace: "shop"}, catalog.Ref{Kind: "API", Namespace: "shop", Name: "cart"}},
		"the default of the default namespace":   {"component:cart", catalog.RefDefaults{}, catalog.Ref{Kind: "component", Namespace: "default", Name: "cart"}},
		"a namespace without a kind":             {"shop/cart", catalog.RefDefaults{Kind: "System"}, catalog.Ref{Kind: "System", Namespace: "shop", Name: "cart"}},
		"a colon behind the slash is no kind":    {"shop/cart:v2", catalog.RefDefaults{Kind: "API"}, catalog.Ref{Kind: "API", Namespace: "shop", Name: "cart:v2"}},
		"a second slash belongs to the name":     {"api:a/b/c", catalog.RefDefaults{}, catalog.Ref{Kind: "api", Namespace: "a", Name: "b/c"}},
		"a second colon belongs to what follows": {"api:a:b/c", catalog.RefDefaults{}, catalog.Ref{Kind: "api", Namespace: "a:b", Name: "c"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := catalog.ParseRef(tc.in, tc.defaults)
			if err != nil || got != tc.want {
				t.Errorf("ParseRef(%q) = %+v, %v; want %+v", tc.in, got, err, tc.want)
			}
		})
	}
}

func TestParseRef_ComplainsInTheWordsOfBackstage(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"":                `Error: Entity reference must not be empty`,
		":cart":           `TypeError: Entity reference ":cart" was not on the form [<kind>:][<namespace>/]<name>`,
		"component:":      `TypeError: Entity reference "component:" was not on the form [<kind>:][<namespace>/]<name>`,
		"component:/cart": `TypeError: Entity reference "component:/cart" was not on the form [<kind>:][<namespace>/]<name>`,
		"/cart":           `TypeError: Entity reference "/cart" was not on the form [<kind>:][<namespace>/]<name>`,
		"shop/":           `TypeError: Entity reference "shop/" was not on the form [<kind>:][<namespace>/]<name>`,
		"cart":            `Error: Entity reference "cart" had missing or empty kind (e.g. did not start with "component:" or similar)`,
		`a"b<`:            `Error: Entity reference "a\"b<" had missing or empty kind (e.g. did not start with "component:" or similar)`,
	} {
		_, err := catalog.ParseRef(in, catalog.RefDefaults{})
		var ref *catalog.RefError
		if !errors.As(err, &ref) {
			t.Errorf("ParseRef(%q) gave %v", in, err)
			continue
		}
		if got := ref.WireName() + ": " + err.Error(); got != want {
			t.Errorf("ParseRef(%q): got  %s\nwant %s", in, got, want)
		}
		if ref.FaultCode() != "invalid" {
			t.Errorf("ParseRef(%q) has code %q", in, ref.FaultCode())
		}
	}
}

func TestMustRef_PanicsOnABadReference(t *testing.T) {
	t.Parallel()
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	catalog.MustRef("nokind")
}

// FuzzParseRef checks that whatever parses renders to a full reference which
// parses to itself.
func FuzzParseRef(f *testing.F) {
	for _, s := range []string{"component:default/x", "a/b", "x", ":x", "a:b:c/d/e", "/", "", "K:N/ÄÖ", "\xff:a/b", "İ:ß/Σ"} {
		f.Add(s, "component", "default")
	}
	f.Fuzz(func(t *testing.T, s, kind, namespace string) {
		if strings.ContainsAny(kind, ":/") || strings.ContainsAny(namespace, "/") {
			t.Skip("not a possible default")
		}
		ref, err := catalog.ParseRef(s, catalog.RefDefaults{Kind: kind, Namespace: namespace})
		if err != nil {
			if err.Error() == "" {
				t.Error("an error without words")
			}
			return
		}
		again, err := catalog.ParseRef(ref.String(), catalog.RefDefaults{})
		if err != nil {
			t.Fatalf("%q became %q, which does not parse: %v", s, ref.String(), err)
		}
		if again.String() != ref.String() {
			t.Errorf("%q became %q and then %q", s, ref.String(), again.String())
		}
	})
}
