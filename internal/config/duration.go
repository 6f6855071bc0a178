package config

import (
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/stagedoor/stagedoor/internal/fault"
)

const day = 24 * time.Hour

var (
	isoDuration = regexp.MustCompile(`^(-?)P(?:(-?\d+(?:\.\d+)?)Y)?(?:(-?\d+(?:\.\d+)?)M)?(?:(-?\d+(?:\.\d+)?)W)?(?:(-?\d+(?:\.\d+)?)D)?` +
		`(?:T(?:(-?\d+(?:\.\d+)?)H)?(?:(-?\d+(?:\.\d+)?)M)?(?:(-?\d+(?:[.,]\d+)?)S)?)?$`)
	textDuration = regexp.MustCompile(`(?i)^(-?(?:\d+)?\.?\d+) *(milliseconds?|msecs?|ms|seconds?|secs?|s|minutes?|mins?|m|hours?|hrs?|h|days?|d|weeks?|w|years?|yrs?|y)$`)

	isoUnits    = []time.Duration{365 * day, 30 * day, 7 * day, day, time.Hour, time.Minute, time.Second}
	objectUnits = map[string]time.Duration{
		"years": 365 * day, "months": 30 * day, "weeks": 7 * day, "days": day, "hours": time.Hour,
		"minutes": time.Minute, "seconds": time.Second, "milliseconds": time.Millisecond,
	}
	textUnits = map[byte]time.Duration{
		's': time.Second, 'm': time.Minute, 'h': time.Hour, 'd': day, 'w': 7 * day, 'y': 36525 * day / 100,
	}
)

// ParseDuration reads the three forms of app-config: an object such as
// {minutes: 5}, ISO 8601 such as PT5M, and text such as 5m or "2 hours". A
// month counts 30 days and a year 365, except the text form's year of 365.25
// days. A number without a unit and a negative duration are errors with code
// invalid.
func ParseDuration(v any) (time.Duration, error) {
	switch v := v.(type) {
	case map[string]any:
		return objectDuration(v)
	case string:
		text := strings.TrimSpace(v)
		if strings.HasPrefix(text, "P") || strings.HasPrefix(text, "-P") {
			return isoToDuration(text)
		}
		if m := textDuration.FindStringSubmatch(text); m != nil {
			amount, _ := strconv.ParseFloat(m[1], 64)
			return toDuration(amount*float64(textUnit(m[2])), text)
		}
		if _, err := strconv.ParseFloat(text, 64); err == nil {
			return 0, fault.Newf(fault.Invalid, "%q is a number without a unit; write %sms, %ss or %sm", text, text, text, text)
		}
		return 0, fault.Newf(fault.Invalid, "%q is not a duration; write {minutes: 5}, PT5M or 5m", text)
	}
	return 0, fault.New(fault.Invalid, "a duration is an object such as {minutes: 5} or text such as PT5M or 5m")
}

func textUnit(unit string) time.Duration {
	unit = strings.ToLower(unit)
	if unit == "ms" || strings.HasPrefix(unit, "msec") || strings.HasPrefix(unit, "milli") {
		return time.Millisecond
	}
	return textUnits[unit[0]]
}

func isoToDuration(text string) (time.Duration, error) {
	m := isoDuration.FindStringSubmatch(text)
	if m == nil || strings.HasSuffix(text, "P") || strings.HasSuffix(text, "T") {
		return 0, fault.Newf(fault.Invalid, "%q is not an ISO 8601 duration such as PT1M or P2DT6H", text)
	}
	sum := 0.0
	for i, part := range m[2:] {
		if part != "" {
			amount, _ := strconv.ParseFloat(strings.Replace(part, ",", ".", 1), 64)
			sum += amount * float64(isoUnits[i])
		}
	}
	if m[1] == "-" {
		sum = -sum
	}
	return toDuration(sum, text)
}

func objectDuration(v map[string]any) (time.Duration, error) {
	const units = "years, months, weeks, days, hours, minutes, seconds or milliseconds"
	if len(v) == 0 {
		return 0, fault.New(fault.Invalid, "an empty object is not a duration; it needs "+units)
	}
	sum := 0.0
	for key, amount := range v {
		unit, known := objectUnits[key]
		if !known {
			return 0, fault.Newf(fault.Invalid, "%q is not a unit of a duration; use %s", key, units)
		}
		number, ok := toNumber(amount)
		if !ok {
			return 0, fault.Newf(fault.Invalid, "%s of a duration must be a number", key)
		}
		sum += number * float64(unit)
	}
	return toDuration(sum, "the duration")
}

func toDuration(nanoseconds float64, text string) (time.Duration, error) {
	switch {
	case math.IsNaN(nanoseconds) || nanoseconds > math.MaxInt64/2:
		return 0, fault.Newf(fault.Invalid, "%s is too long for a duration", text)
	case nanoseconds < 0:
		return 0, fault.Newf(fault.Invalid, "%s is negative, which a duration cannot be", text)
	}
	return time.Duration(math.Round(nanoseconds)), nil
}

// toNumber reads a number, or text that is one, as variables give it.
func toNumber(v any) (float64, bool) {
	switch v := v.(type) {
	case float64:
		return v, true
	case string:
		text := strings.TrimSpace(v)
		if number, err := strconv.ParseFloat(text, 64); err == nil && !math.IsInf(number, 0) && !math.IsNaN(number) {
			return number, true
		}
		if number, err := strconv.ParseUint(text, 0, 53); err == nil {
			return float64(number), true
		}
	}
	return 0, false
}

// toBool reads a boolean, or what Backstage takes for one.
func toBool(v any) (result, ok bool) {
	text := ""
	switch v := v.(type) {
	case bool:
		return v, true
	case float64:
		text = strconv.FormatFloat(v, 'g', -1, 64)
	case string:
		text = strings.ToLower(strings.TrimSpace(v))
	}
	switch text {
	case "y", "yes", "true", "1", "on":
		return true, true
	case "n", "no", "false", "0", "off":
		return false, true
	}
	return false, false
}
