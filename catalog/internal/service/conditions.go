package service

import (
	"fmt"
	"strings"

	"github.com/stagedoor/stagedoor/catalog"
	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/permission"
)

// ResourceType is the resource type of entities in permission requests.
const ResourceType = "catalog-entity"

// The permissions of the catalog.
var (
	EntityRead        = permission.Permission{Name: "catalog.entity.read", Action: "read", ResourceType: ResourceType}
	EntityCreate      = permission.Permission{Name: "catalog.entity.create", Action: "create"}
	EntityDelete      = permission.Permission{Name: "catalog.entity.delete", Action: "delete", ResourceType: ResourceType}
	EntityRefresh     = permission.Permission{Name: "catalog.entity.refresh", Action: "update", ResourceType: ResourceType}
	EntityValidate    = permission.Permission{Name: "catalog.entity.validate"}
	LocationRead      = permission.Permission{Name: "catalog.location.read", Action: "read"}
	LocationCreate    = permission.Permission{Name: "catalog.location.create", Action: "create"}
	LocationAnalyze   = permission.Permission{Name: "catalog.location.analyze", Action: "read"}
	LocationDelete    = permission.Permission{Name: "catalog.location.delete", Action: "delete"}
	IngestionRead     = permission.Permission{Name: "catalog.ingestion.read", Action: "read"}
	IngestionManage   = permission.Permission{Name: "catalog.ingestion.manage", Action: "update"}
	UnprocessedRead   = permission.Permission{Name: "catalog.entities.unprocessed.read", Action: "read"}
	UnprocessedDelete = permission.Permission{Name: "catalog.entities.unprocessed.delete", Action: "delete"}
)

// Permissions lists the permissions of the catalog in the order in which they
// are published.
func Permissions() []permission.Permission {
	return []permission.Permission{
		EntityRead, EntityCreate, EntityDelete, EntityRefresh, EntityValidate,
		LocationRead, LocationCreate, LocationAnalyze, LocationDelete,
		IngestionRead, IngestionManage, UnprocessedRead, UnprocessedDelete,
	}
}

// rule is a rule on entities, and how it becomes a filter.
type rule struct {
	permission.Rule
	filter func(params map[string]any) (catalog.Filter, error)
}

// Definition is what the catalog brings to the permission framework.
func (s *Service) Definition() permission.Definition {
	r := permission.Resource{Type: ResourceType, Apply: s.Apply, Check: func(c permission.Condition) error {
		_, err := ConditionFilter(c)
		return err
	}}
	for _, known := range rules() {
		r.Rules = append(r.Rules, known.Rule)
	}
	return permission.Definition{Permissions: Permissions(), Resources: []permission.Resource{r}}
}

func rules() []rule {
	return []rule{
		valueRule("HAS_ANNOTATION", "metadata.annotations.", "annotation", "Allow entities with the specified annotation", "Name of the annotation to match on"),
		valueRule("HAS_LABEL", "metadata.labels.", "label", "Allow entities with the specified label", "Name of the label to match on"),
		valueRule("HAS_METADATA", "metadata.", "key", "Allow entities with the specified metadata subfield", "Property within the entities metadata to match on"),
		valueRule("HAS_SPEC", "spec.", "key", "Allow entities with the specified spec subfield", "Property within the entities spec to match on"),
		listRule("IS_ENTITY_KIND", "kind", "kinds", "Allow entities matching a specified kind", "List of kinds to match at least one of"),
		listRule("IS_ENTITY_OWNER", "relations.ownedBy", "claims", "Allow entities owned by a specified claim", "List of claims to match at least one on within ownedBy"),
	}
}

func valueRule(name, prefix, param, description, paramDescription string) rule {
	return rule{
		Rule: permission.Rule{Name: name, Description: description, Params: []permission.Param{
			{Name: param, Description: paramDescription},
			{Name: "value", Description: "Value to match on", Optional: true},
		}},
		filter: func(params map[string]any) (catalog.Filter, error) {
			key, ok := params[param].(string)
			if !ok || key == "" {
				return nil, fault.Newf(fault.Invalid, "rule %s needs the parameter %q as a text", name, param)
			}
			value, given := params["value"]
			if !given || value == nil {
				return catalog.Exists{Key: prefix + key}, nil
			}
			return catalog.Match{Key: prefix + key, Values: []string{fmt.Sprint(value)}}, nil
		},
	}
}

func listRule(name, key, param, description, paramDescription string) rule {
	return rule{
		Rule: permission.Rule{Name: name, Description: description, Params: []permission.Param{{Name: param, Description: paramDescription, Type: "list"}}},
		filter: func(params map[string]any) (catalog.Filter, error) {
			values, ok := permission.Texts(params[param])
			if !ok {
				return nil, fault.Newf(fault.Invalid, "rule %s needs the parameter %q as a list of texts", name, param)
			}
			if len(values) == 0 {
				return catalog.Or{}, nil
			}
			return catalog.Match{Key: key, Values: values}, nil
		},
	}
}

var rulesByName = func() map[string]rule {
	m := map[string]rule{}
	for _, r := range rules() {
		m[r.Name] = r
	}
	return m
}()

// ConditionFilter turns a condition on entities into a filter. It returns an
// error with code invalid for rules and resource types the catalog does not
// know and for parameters that do not fit; callers must take that as a denial.
func ConditionFilter(c permission.Condition) (catalog.Filter, error) {
	switch {
	case c.AllOf != nil:
		all, err := conditionFilters(c.AllOf)
		return catalog.And(all), err
	case c.AnyOf != nil:
		alternatives, err := conditionFilters(c.AnyOf)
		return catalog.Or(alternatives), err
	case c.Not != nil:
		f, err := ConditionFilter(*c.Not)
		return catalog.Not{Filter: f}, err
	}
	known, ok := rulesByName[c.Rule]
	if !ok {
		return nil, fault.Newf(fault.Invalid, "unknown rule %q; the catalog has %s", c.Rule, ruleNames())
	}
	if c.ResourceType != "" && c.ResourceType != ResourceType {
		return nil, fault.Newf(fault.Invalid, "rule %s is about %s and not about %q", c.Rule, ResourceType, c.ResourceType)
	}
	return known.filter(c.Params)
}

func conditionFilters(cs []permission.Condition) ([]catalog.Filter, error) {
	out := make([]catalog.Filter, len(cs))
	for i, c := range cs {
		f, err := ConditionFilter(c)
		if err != nil {
			return nil, err
		}
		out[i] = f
	}
	return out, nil
}

func ruleNames() string {
	var names []string
	for _, r := range rules() {
		names = append(names, r.Name)
	}
	return strings.Join(names, ", ")
}
