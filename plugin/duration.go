package plugin

import (
	"encoding/json"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Duration is a time.Duration that reads the three forms of app-config: an
// object such as {minutes: 5}, ISO 8601 such as PT5M, and text such as "5m" or
// "2 hours". Months count 30 days and years 365, because a schedule has no
// calendar to look at.
type Duration time.Duration

var (
	isoDuration  = regexp.MustCompile(`^P(?:(\d+(?:[.,]\d+)?)Y)?(?:(\d+(?:[.,]\d+)?)M)?(?:(\d+(?:[.,]\d+)?)W)?(?:(\d+(?:[.,]\d+)?)D)?(?:T(?:(\d+(?:[.,]\d+)?)H)?(?:(\d+(?:[.,]\d+)?)M)?(?:(\d+(?:[.,]\d+)?)S)?)?$`)
	textDuration = regexp.MustCompile(`(?i)^(-?(?:\d+)?\.?\d+) *([a-z]+)?$`)
)

const day = 24 * time.Hour

var (
	isoUnits    = []time.Duration{365 * day, 30 * day, 7 * day, day, time.Hour, time.Minute, time.Second}
	objectUnits = map[string]time.Duration{
		"years": 365 * day, "months": 30 * day, "weeks": 7 * day, "days": day, "hours": time.Hour,
		"minutes": time.Minute, "seconds": time.Second, "milliseconds": time.Millisecond,
	}
	textUnits = map[string]time.Duration{
		"": time.Millisecond, "ms": time.Millisecond, "msec": time.Millisecond, "millisecond": time.Millisecond,
		"s": time.Second, "sec": time.Second, "second": time.Second, "m": time.Minute, "min": time.Minute, "minute": time.Minute,
		"h": time.Hour, "hr": time.Hour, "hour": time.Hour, "d": day, "day": day, "w": 7 * day, "week": 7 * day,
		"y": 36525 * day / 100, "yr": 36525 * day / 100, "year": 36525 * day / 100,
	}
)

// UnmarshalJSON reads any of the forms.
func (d *Duration) UnmarshalJSON(data []byte) error {
	var v any
	if err := json.Unmarshal(data, &v); err != nil {
		return fmt.Errorf("read duration: %w", err)
	}
	got, err := ParseDuration(v)
	if err != nil {
		return err
	}
	*d = Duration(got)
	return nil
}

// ParseDuration reads a duration from a configuration value.
func ParseDuration(v any) (time.Duration, error) {
	switch v := v.(type) {
	case map[string]any:
		return objectDuration(v)
	case string:
		s := strings.TrimSpace(v)
		if m := isoDuration.FindStringSubmatch(s); m != nil && s != "P" && !strings.HasSuffix(s, "T") {
			var sum float64
			for i, part := range m[1:] {
				if part != "" {
					n, _ := strconv.ParseFloat(strings.Replace(part, ",", ".", 1), 64)
					sum += n * float64(isoUnits[i])
				}
			}
			return toDuration(sum, v)
		}
		if m := textDuration.FindStringSubmatch(s); m != nil {
			unit, ok := textUnits[strings.ToLower(m[2])]
			if !ok {
				unit, ok = textUnits[strings.TrimSuffix(strings.ToLower(m[2]), "s")]
			}
			if n, err := strconv.ParseFloat(m[1], 64); err == nil && ok {
				return toDuration(n*float64(unit), v)
			}
		}
	}
	return 0, fmt.Errorf("%v is not a duration: write {minutes: 5}, PT5M or 5m", v)
}

func objectDuration(v map[string]any) (time.Duration, error) {
	if len(v) == 0 {
		return 0, fmt.Errorf("an empty object is not a duration: write {minutes: 5}")
	}
	var sum float64
	for key, value := range v {
		unit, ok := objectUnits[key]
		n, isNumber := value.(float64)
		if s, isText := value.(string); isText {
			parsed, err := strconv.ParseFloat(s, 64)
			n, isNumber = parsed, err == nil
		}
		if !ok || !isNumber {
			return 0, fmt.Errorf("%s: %v is not part of a duration: use numbers for years, months, weeks, days, hours, minutes, seconds, milliseconds", key, value)
		}
		sum += n * float64(unit)
	}
	return toDuration(sum, v)
}

func toDuration(ns float64, from any) (time.Duration, error) {
	if math.IsNaN(ns) || math.Abs(ns) > math.MaxInt64/2 {
		return 0, fmt.Errorf("%v is too long for a duration", from)
	}
	return time.Duration(ns), nil
}
