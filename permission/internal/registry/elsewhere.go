package registry

import (
	"slices"

	"github.com/stagedoor/stagedoor/permission"
)

// elsewhere are the plugins of a Backstage that policies speak of although
// this portal may not have them: what is written for one portal is read by the
// other, and other services ask this one about their own things. Names and
// parameters are those of Backstage 1.55 and its community plugins. A plugin
// that is here speaks for itself.
var elsewhere = func() []Plugin {
	basic := func(name, action string) permission.Permission {
		return permission.Permission{Name: name, Action: action}
	}
	about := func(resourceType, name, action string) permission.Permission {
		return permission.Permission{Name: name, Action: action, ResourceType: resourceType}
	}
	property := func(name, kind string) permission.Rule {
		return permission.Rule{Name: name, Description: "Allow actions with the specified property", Params: []permission.Param{
			{Name: "key", Description: "Property within the action parameters to match on"},
			{Name: "value", Description: "Value of the given property to match on", Type: kind, Optional: true},
		}}
	}
	return []Plugin{
		{ID: "scaffolder", Definition: permission.Definition{
			Permissions: []permission.Permission{
				basic("scaffolder.template.dry-run", ""),
				about("scaffolder-template", "scaffolder.template.parameter.read", "read"),
				about("scaffolder-template", "scaffolder.template.step.read", "read"),
				about("scaffolder-action", "scaffolder.action.execute", ""),
				about("scaffolder-task", "scaffolder.task.cancel", ""),
				basic("scaffolder.task.create", "create"),
				about("scaffolder-task", "scaffolder.task.read", "read"),
				basic("scaffolder.template.management", ""),
			},
			Resources: []permission.Resource{
				{Type: "scaffolder-template", Rules: []permission.Rule{{
					Name: "HAS_TAG", Description: "Match parameters or steps with the given tag",
					Params: []permission.Param{{Name: "tag", Description: "Name of the tag to match on"}},
				}}},
				{Type: "scaffolder-action", Rules: []permission.Rule{
					{
						Name: "HAS_ACTION_ID", Description: "Match actions with the given actionId",
						Params: []permission.Param{{Name: "actionId", Description: "Name of the actionId to match on"}},
					},
					property("HAS_BOOLEAN_PROPERTY", "boolean"),
					property("HAS_NUMBER_PROPERTY", "number"),
					property("HAS_STRING_PROPERTY", "string"),
				}},
				{Type: "scaffolder-task", Rules: []permission.Rule{{
					Name: "IS_TASK_OWNER", Description: "Allows tasks created by certain users to be accessible",
					Params: []permission.Param{{Name: "createdBy", Type: "list", Description: "List of creator entity refs; only tasks created by these users will be viewable"}},
				}}},
			},
		}},
		{ID: "devtools", Definition: permission.Definition{Permissions: []permission.Permission{
			basic("devtools.administer", "read"), basic("devtools.info", "read"), basic("devtools.config", "read"),
			basic("devtools.external-dependencies", "read"), basic("devtools.scheduler.read", "read"), basic("devtools.scheduler.trigger", ""),
		}}},
		{ID: "kubernetes", Definition: permission.Definition{Permissions: []permission.Permission{
			basic("kubernetes.proxy", ""), basic("kubernetes.resources.read", "read"), basic("kubernetes.clusters.read", "read"),
		}}},
	}
}()

// Known returns what every plugin brought, and behind it what plugins that are
// not here are known for.
func (g *Registry) Known() []Plugin {
	here := g.Plugins()
	return append(here, slices.DeleteFunc(slices.Clone(elsewhere), func(p Plugin) bool {
		return slices.ContainsFunc(here, func(h Plugin) bool { return h.ID == p.ID })
	})...)
}
