package rbac

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/yamlx"
	"github.com/stagedoor/stagedoor/permission"
)

const twoDocuments = `---
result: CONDITIONAL
roleEntityRef: role:default/test
pluginId: catalog
resourceType: catalog-entity
permissionMapping:
  - read
  - update
conditions:
  rule: IS_ENTITY_OWNER
  resourceType: catalog-entity
  params:
    claims:
      - group:default/team-a
      - $ownerRefs
---
result: CONDITIONAL
roleEntityRef: role:default/test
pluginId: catalog
resourceType: catalog-entity
permissionMapping:
  - name: catalog.entity.delete
    action: delete
conditions:
  allOf:
    - not: {rule: HAS_LABEL, resourceType: catalog-entity, params: {label: frozen}}
    - anyOf:
        - {rule: IS_ENTITY_KIND, resourceType: catalog-entity, params: {kinds: [Component]}}
---
`

func TestReadConditions_ReadsDocuments(t *testing.T) {
	t.Parallel()
	got, err := ReadConditions("c.yaml", []byte(twoDocuments), DefaultLimits)
	if err != nil {
		t.Fatal(err)
	}
	leaf := func(rule string, params map[string]any) permission.Condition {
		return permission.Condition{Rule: rule, ResourceType: "catalog-entity", Params: params}
	}
	frozen := leaf("HAS_LABEL", map[string]any{"label": "frozen"})
	want := []Conditional{
		{
			Role: "role:default/test", Plugin: "catalog", ResourceType: "catalog-entity", Mapping: []Mapping{{Action: "read"}, {Action: "update"}},
			Condition: leaf("IS_ENTITY_OWNER", map[string]any{"claims": []any{"group:default/team-a", "$ownerRefs"}}),
			At:        permission.Source{File: "c.yaml", Line: 2, Statement: "role:default/test may read, update catalog-entity conditionally"},
		},
		{
			Role: "role:default/test", Plugin: "catalog", ResourceType: "catalog-entity", Mapping: []Mapping{{"catalog.entity.delete", "delete"}},
			Condition: permission.Condition{AllOf: []permission.Condition{
				{Not: &frozen}, {AnyOf: []permission.Condition{leaf("IS_ENTITY_KIND", map[string]any{"kinds": []any{"Component"}})}},
			}},
			At: permission.Source{File: "c.yaml", Line: 17, Statement: "role:default/test may catalog.entity.delete catalog-entity conditionally"},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("conditions (-want +got):\n%s", diff)
	}
}

func TestReadConditions_RefusesAFileWithFileAndLine(t *testing.T) {
	t.Parallel()
	base := func(replace ...string) string {
		return strings.NewReplacer(replace...).Replace(strings.SplitN(twoDocuments, "---\n", 3)[1])
	}
	for name, tc := range map[string]struct{ text, want string }{
		"no role":                 {base("roleEntityRef: role:default/test\n", ""), "c.yaml:1:1: 'roleEntityRef' must be specified in the role condition"},
		"no plugin":               {base("pluginId: catalog\n", ""), "'pluginId' must be specified in the role condition"},
		"no resource type":        {base("\nresourceType: catalog-entity", ""), "'resourceType' must be specified in the role condition"},
		"no result":               {base("result: CONDITIONAL\n", ""), "'result' must be specified in the role condition"},
		"another result":          {base("CONDITIONAL", "ALLOW"), "c.yaml:1:1: 'result' must be CONDITIONAL"},
		"a user for a role":       {base("role:default/test", "user:default/test"), `c.yaml:2:1: 'roleEntityRef': Unsupported kind user. Supported value should be "role"`},
		"no mapping":              {base("  - read\n  - update\n", "  []\n"), "c.yaml:5:1: 'permissionMapping' must be non empty array in the role condition"},
		"an unknown action":       {base("- update", "- write"), "c.yaml:7:5: 'permissionMapping' array contains non action value: 'write'"},
		"an action twice":         {base("- update", "- read"), "c.yaml:7:5: 'permissionMapping' names the same twice: action 'read'"},
		"a name that is empty":    {base("- update", "- {name: '', action: update}"), "c.yaml:7:5: 'permissionMapping' has an entry without the name of a permission"},
		"create on roles":         {base("catalog-entity", "policy-entity", "- read", "- create"), "Conditional policy can not be created for resource type 'policy-entity' with the permission action 'create'"},
		"no conditions":           {base("conditions:", "conditionz:"), "'conditions' must be specified in the role condition"},
		"no rule":                 {base("rule: IS_ENTITY_OWNER", "rulez: x"), "'rule' must be specified in the roleCondition.conditions.condition"},
		"no type in the rule":     {base("  resourceType: catalog-entity\n  params", "  params"), "'resourceType' must be specified in the roleCondition.conditions.condition"},
		"another type":            {base("  resourceType: catalog-entity", "  resourceType: other"), "c.yaml:10:3: 'resourceType' in the roleCondition.conditions.condition is 'other', but the policy is about 'catalog-entity'"},
		"parameters as a list":    {base("    claims:\n      - group:default/team-a\n      - $ownerRefs", "    - x"), "'params' in the roleCondition.conditions.condition must be an object, not a list"},
		"an empty criterion":      {base("  rule: IS_ENTITY_OWNER\n  resourceType: catalog-entity\n  params:\n    claims:\n      - group:default/team-a\n      - $ownerRefs", "  anyOf: []"), "c.yaml:9:3: roleCondition.conditions.anyOf criteria must be non empty array"},
		"criteria side by side":   {base("  rule: IS_ENTITY_OWNER", "  rule: IS_ENTITY_OWNER\n  not: {}"), "roleCondition.conditions has [not rule] side by side"},
		"a nested rule without":   {base("  rule: IS_ENTITY_OWNER\n  resourceType: catalog-entity\n  params:", "  anyOf:\n    - resourceType: catalog-entity\n  x:"), "c.yaml:10:7: 'rule' must be specified in the roleCondition.conditions.anyOf[0].condition"},
		"a document that is text": {"just text", "c.yaml:1:1: a conditional policy is an object, not a text"},
		"broken YAML":             {base() + "\n---\na: [", "c.yaml:18"},
		"two that overlap":        {twoDocuments + "---\n" + base(), "c.yaml:31: the permission mapping overlaps with that of line 2 for resource type 'catalog-entity'. Overlapping entries: action 'read'; action 'update'."},
		"a name and its action":   {twoDocuments + "---\n" + base("- read", "- delete", "  - update\n", ""), "action 'delete' (broad) overlaps with permission 'catalog.entity.delete'"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := ReadConditions("c.yaml", []byte(tc.text), DefaultLimits)
			if !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), tc.want) || !strings.HasPrefix(err.Error(), "c.yaml:") {
				t.Errorf("got %v, want %q", err, tc.want)
			}
			if got != nil {
				t.Error("part of a broken file is used")
			}
		})
	}
}

func TestReadConditions_HasLimits(t *testing.T) {
	t.Parallel()
	document := func(conditions string) string {
		return "result: CONDITIONAL\nroleEntityRef: role:default/a\npluginId: catalog\nresourceType: catalog-entity\npermissionMapping: [read]\nconditions: " + conditions + "\n"
	}
	const leaf = "{rule: R, resourceType: catalog-entity}"
	nest := func(n int) string { return strings.Repeat("{not: ", n) + leaf + strings.Repeat("}", n) }
	list := func(n int) string { return "{anyOf: [" + strings.Repeat(leaf+", ", n) + "]}" }
	many := func(n int) string {
		var b strings.Builder
		for i := range n {
			b.WriteString("---\n" + strings.Replace(document(leaf), "role:default/a", fmt.Sprint("role:default/r", i), 1))
		}
		return b.String()
	}
	for name, tc := range map[string]struct{ text, want string }{
		"as deep as may be":        {document(nest(11)), ""},
		"too deep":                 {document(nest(12)), "deeper than permission.rbac.validation.conditionalPolicies.maxConditionDepth (12)"},
		"as many items as may be":  {document(list(64)), ""},
		"too many items":           {document(list(65)), "65 items, more than permission.rbac.validation.conditionalPolicies.maxCriteriaItems (64)"},
		"as many nodes as may be":  {document("{anyOf: [" + strings.Repeat(list(62)+", ", 4) + leaf + ", " + leaf + ", " + leaf + "]}"), ""},
		"too many nodes":           {document("{anyOf: [" + strings.Repeat(list(62)+", ", 4) + strings.Repeat(leaf+", ", 4) + "]}"), "more parts than permission.rbac.validation.conditionalPolicies.maxConditionNodeCount (256)"},
		"as many documents":        {many(256), ""},
		"too many documents":       {many(257), "more documents than permission.rbac.validation.conditionalPoliciesFile.maxDocuments (256)"},
		"as many bytes as may be":  {document(leaf) + "#" + strings.Repeat("x", 1<<20-len(document(leaf))-1), ""},
		"too many bytes":           {strings.Repeat("#", 1<<20+1), "1048577 bytes, more than permission.rbac.validation.conditionalPoliciesFile.maxBytes (1048576)"},
		"a bomb of aliases":        {"a: &a [x, x]\nb: &b [*a, *a, *a]\nc: &c [*b, *b, *b]\n", "c.yaml:1"},
		"nested beyond any reader": {strings.Repeat("[", 10_000), "c.yaml"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := ReadConditions("c.yaml", []byte(tc.text), DefaultLimits)
			if tc.want == "" && err != nil || tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
		})
	}
	for name, tc := range map[string]struct {
		limits Limits
		text   string
	}{
		"depth": {Limits{1, 9, 9, 999, 9}, document(nest(1))},
		"nodes": {Limits{9, 2, 9, 999, 9}, document(list(2))},
		"items": {Limits{9, 9, 1, 999, 9}, document(list(2))},
		"bytes": {Limits{9, 9, 9, 20, 9}, document(leaf)},
		"docs":  {Limits{9, 9, 9, 999, 1}, many(2)},
	} {
		if _, err := ReadConditions("c.yaml", []byte(tc.text), tc.limits); err == nil {
			t.Errorf("the configured limit of %s is not held", name)
		}
	}
}

func TestReadConditions_ReadsRealFiles(t *testing.T) {
	t.Parallel()
	dir := portalCorpus(t)
	read := func(file string) []byte {
		data, err := os.ReadFile(filepath.Join(dir, file))
		if err != nil {
			t.Logf("SKIP: %s not found", file)
		}
		return data
	}
	if data := read("redhat-developer__rhdh/.ci/pipelines/resources/config_map/conditional-policies.yaml"); data != nil {
		if got, err := ReadConditions("conditional-policies.yaml", data, DefaultLimits); err != nil || len(got) < 5 {
			t.Errorf("%d policies, %v", len(got), err)
		}
	}
	// Others write the file from within a chart's values.
	data := read("janus-idp__backstage-showcase/.ibm/pipelines/value_files/values_showcase-rbac.yaml")
	if data == nil {
		return
	}
	doc, err := yamlx.One(data, yamlx.Options{})
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			for _, x := range v {
				walk(x)
			}
		case []any:
			for _, x := range v {
				walk(x)
			}
		case string:
			if !strings.Contains(v, "roleEntityRef") {
				return
			}
			text := v[strings.Index(v, "result:"):]
			if end := strings.Index(text, "EOF"); end >= 0 {
				text = text[:end]
			}
			got, err := ReadConditions("values", []byte(text), DefaultLimits)
			if err != nil {
				t.Errorf("%v\n%s", err, text)
			}
			found += len(got)
		}
	}
	walk(doc.Value)
	if found < 2 {
		t.Errorf("%d policies in the values", found)
	}
}

func FuzzReadConditions(f *testing.F) {
	f.Add([]byte(twoDocuments))
	f.Add([]byte("a: [\n---\nresult: CONDITIONAL"))
	f.Add([]byte("{result: CONDITIONAL, roleEntityRef: role:a/b, pluginId: x, resourceType: t, permissionMapping: [use], conditions: {rule: R, resourceType: t, params: {a: $currentUser}}}"))
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := ReadConditions("f.yaml", data, DefaultLimits)
		if err != nil {
			if !strings.HasPrefix(err.Error(), "f.yaml") || fault.CodeOf(err) == fault.Internal {
				t.Fatalf("an error without its place: %v", err)
			}
			return
		}
		for i, c := range got {
			if c.At.Line < 1 || len(c.Mapping) == 0 || CheckRole(c.Role) != nil {
				t.Fatalf("a policy that should not be: %+v", c)
			}
			for _, o := range got[:i] {
				if overlapOf(&c, &o) != "" {
					t.Fatalf("two policies decide the same: %+v, %+v", c, o)
				}
			}
		}
	})
}

func TestSettings_ReadARealConfiguration(t *testing.T) {
	t.Parallel()
	path := filepath.Join(portalCorpus(t), "redhat-developer__rhdh/.ci/pipelines/resources/config_map/app-config-rhdh-rbac.yaml")
	data, err := os.ReadFile(path)
	if err != nil {
		t.Skipf("SKIP: %s not found", path)
	}
	doc, err := yamlx.One(data, yamlx.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var config struct {
		Permission struct{ RBAC Settings }
	}
	raw, err := json.Marshal(doc.Value)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, &config); err != nil {
		t.Fatal(err)
	}
	s := config.Permission.RBAC
	if err := s.Check(); err != nil {
		t.Error(err)
	}
	if s.CSVFile == "" || s.ConditionsFile == "" || !s.Reload || s.MaxDepth == nil || len(s.Admin.Users) == 0 || s.basic() {
		t.Errorf("settings: %+v", s)
	}
}

func TestSettings_KnowWhereTheyStand(t *testing.T) {
	t.Parallel()
	s := Settings{At: func(path string) fault.Position {
		return fault.Position{File: "app-config.yaml", Line: len(path)}
	}}
	s.Admin.SuperUsers = []Named{{Name: "user:default/Super"}}
	s.Admin.Users = []Named{{Name: "user:default/admin"}}
	want := permission.Source{File: "app-config.yaml", Line: len("admin.superUsers[0].name"), Statement: "permission.rbac.admin.superUsers[0].name: user:default/super"}
	if diff := cmp.Diff(want, s.superUser(0)); diff != "" {
		t.Errorf("super user (-want +got):\n%s", diff)
	}
	for _, source := range s.adminRole().sources() {
		if source.File != "app-config.yaml" || source.Line == 0 {
			t.Errorf("a source without its place: %+v", source)
		}
	}
}
