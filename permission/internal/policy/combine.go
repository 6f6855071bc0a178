package policy

import (
	"slices"

	"github.com/stagedoor/stagedoor/permission"
	"github.com/stagedoor/stagedoor/permission/internal/condition"
)

// Combine returns the decision that the steps make, without a reason: the
// first one that matched decides where its condition holds, what it says
// otherwise where it does not, and the steps behind it where it says nothing
// then. Where no step decides, the result is byDefault. It marks the steps
// that the decision depends on, and names the first of them as its source.
func Combine(steps []Step, byDefault permission.Result) permission.Decision {
	used := make([]int, 0, 4) // steps that have a say, the last one closing
	closed := false
	for i := range steps {
		steps[i].Decided = false
		if !steps[i].Matched || closed {
			continue
		}
		holds := steps[i].holds()
		if holds.Never() && steps[i].Otherwise == "" {
			continue
		}
		used = append(used, i)
		closed = holds.Always() || steps[i].Otherwise != ""
	}
	result := condition.False
	if byDefault == permission.Allow {
		result = condition.True
	}
	for _, i := range slices.Backward(used) {
		result = steps[i].before(result)
	}
	d := result.Decision()
	switch {
	case d.Result == permission.Conditional:
	case closed: // the conditions before it made no difference
		used = used[len(used)-1:]
	default:
		used = nil
	}
	for _, i := range used {
		steps[i].Decided = true
	}
	if len(used) > 0 {
		d.Source = steps[used[0]].Source
	}
	return d
}

func (s *Step) holds() condition.Expr {
	if s.Condition == nil {
		return condition.True
	}
	return condition.Of(*s.Condition)
}

// before is the step followed by the rest.
func (s *Step) before(rest condition.Expr) condition.Expr {
	if s.Otherwise != "" {
		rest = condition.False
		if s.Otherwise == permission.Allow {
			rest = condition.True
		}
	}
	if s.Result == permission.Allow {
		return condition.Or(s.holds(), rest)
	}
	return condition.And(condition.Not(s.holds()), rest)
}
