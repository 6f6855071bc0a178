package trial

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"
)

// Suite is the outcome of the tests of one file.
type Suite struct {
	Name     string
	Outcomes []Outcome
}

// Report writes outcomes for people: what failed, and how many there were. It
// reports whether all tests passed.
func Report(w io.Writer, suites []Suite) bool {
	failed, all := 0, 0
	for _, s := range suites {
		all += len(s.Outcomes)
		for _, o := range s.Outcomes {
			if o.Failure == "" {
				continue
			}
			failed++
			fmt.Fprintf(w, "FAIL %s %s\n", o.Place, o.Name)
			for line := range strings.SplitSeq(o.Failure, "; ") {
				fmt.Fprintf(w, "     %s\n", line)
			}
		}
	}
	fmt.Fprintf(w, "%d tests, %d failed\n", all, failed)
	return failed == 0
}

// The shape of JUnit reports, as CI systems read it.
type (
	junitSuites struct {
		XMLName  xml.Name     `xml:"testsuites"`
		Tests    int          `xml:"tests,attr"`
		Failures int          `xml:"failures,attr"`
		Suites   []junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name     string      `xml:"name,attr"`
		Tests    int         `xml:"tests,attr"`
		Failures int         `xml:"failures,attr"`
		Cases    []junitCase `xml:"testcase"`
	}
	junitCase struct {
		Class   string        `xml:"classname,attr"`
		Name    string        `xml:"name,attr"`
		File    string        `xml:"file,attr"`
		Failure *junitFailure `xml:"failure,omitempty"`
	}
	junitFailure struct {
		Message string `xml:"message,attr"`
	}
)

// JUnit writes outcomes as a JUnit report.
func JUnit(w io.Writer, suites []Suite) error {
	var report junitSuites
	for _, from := range suites {
		s := junitSuite{Name: from.Name, Tests: len(from.Outcomes)}
		for _, o := range from.Outcomes {
			c := junitCase{Class: from.Name, Name: o.Name, File: from.Name}
			if o.Failure != "" {
				s.Failures++
				c.Failure = &junitFailure{Message: o.Place + ": " + o.Failure}
			}
			s.Cases = append(s.Cases, c)
		}
		report.Suites = append(report.Suites, s)
		report.Tests += s.Tests
		report.Failures += s.Failures
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	enc := xml.NewEncoder(w)
	enc.Indent("", "  ")
	if err := enc.Encode(report); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	_, err := io.WriteString(w, "\n")
	return err
}

// Write writes a simulation for people, one line for each change.
func (s Simulation) Write(w io.Writer) {
	totals := map[string]int{}
	var order []string
	for _, c := range s.Changes {
		if totals[c.Permission] == 0 {
			order = append(order, c.Permission)
		}
		totals[c.Permission]++
		fmt.Fprintf(w, "%s  %s  %s → %s%s\n", c.User, c.Permission, at(string(c.From), c.FromSource.String()), at(string(c.To), c.ToSource.String()), kindsText(c.Kinds))
	}
	for _, name := range order {
		fmt.Fprintf(w, "%s changes for %d of %d users\n", name, totals[name], s.Users)
	}
	fmt.Fprintf(w, "%d changes: %d users, %d permissions, %d entities\n", len(s.Changes), s.Users, s.Permissions, s.Entities)
}

func at(result, place string) string {
	if place == "" {
		return result + " (by default)"
	}
	return result + " (" + place + ")"
}

func kindsText(kinds []KindChange) string {
	var b strings.Builder
	for _, k := range kinds {
		fmt.Fprintf(&b, "\n    %s", k.Kind)
		if k.Gained > 0 {
			fmt.Fprintf(&b, " +%d", k.Gained)
		}
		if k.Lost > 0 {
			fmt.Fprintf(&b, " -%d", k.Lost)
		}
		fmt.Fprintf(&b, ": %s", strings.Join(k.Examples, ", "))
		if more := k.Gained + k.Lost - len(k.Examples); more > 0 {
			fmt.Fprintf(&b, " and %d more", more)
		}
	}
	return b.String()
}
