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
	used := make([]part, 0, 4) // steps that have a say, the last one closing
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
		used = append(used, part{i, &steps[i], holds})
		closed = holds.Always() || steps[i].Otherwise != ""
	}
	result := fold(used, -1, byDefault)
	d := result.Decision()
	if d.Result != permission.Conditional {
		used = counting(used, d.Result, closed, byDefault)
	}
	for _, u := range used {
		u.Decided = true
	}
	if len(used) > 0 {
		d.Source = used[0].Source
	}
	return d
}

// part is a step with its condition in the simplest form.
type part struct {
	at int
	*Step
	holds condition.Expr
}

// fold puts the used steps together, leaving out one.
func fold(used []part, without int, byDefault permission.Result) condition.Expr {
	result := condition.False
	if byDefault == permission.Allow {
		result = condition.True
	}
	for _, u := range slices.Backward(used) {
		if u.at != without {
			result = u.before(result)
		}
	}
	return result
}

// counting returns the steps that a decision for every resource depends on:
// the one that closes, if there is one, and those whose conditions make a
// whole only together with others.
func counting(used []part, result permission.Result, closed bool, byDefault permission.Result) []part {
	if closed && len(used) == 1 {
		return used
	}
	var out []part
	for i, u := range used {
		last := closed && i == len(used)-1
		if last || fold(used, u.at, byDefault).Decision().Result != result {
			out = append(out, u)
		}
	}
	if len(out) == 0 && result != byDefault {
		return used
	}
	return out
}

// before is the step followed by the rest.
func (p part) before(rest condition.Expr) condition.Expr {
	if p.Otherwise != "" {
		rest = condition.False
		if p.Otherwise == permission.Allow {
			rest = condition.True
		}
	}
	if p.Result == permission.Allow {
		return condition.Or(p.holds, rest)
	}
	return condition.And(condition.Not(p.holds), rest)
}
