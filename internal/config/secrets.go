package config

import "github.com/stagedoor/stagedoor/internal/secret"

// Secrets returns the texts that [Config.Redacted] hides, for a log that must
// not repeat them: whole values, and the passwords inside connection strings.
func (c *Config) Secrets() []string {
	var found []string
	hiddenTexts(c.Value(""), c.Redacted(), &found)
	return found
}

// hiddenTexts walks a configuration beside its redacted form.
func hiddenTexts(whole, shown any, found *[]string) {
	switch whole := whole.(type) {
	case map[string]any:
		fields, _ := shown.(map[string]any)
		for key, field := range whole {
			hiddenTexts(field, fields[key], found)
		}
	case []any:
		items, _ := shown.([]any)
		for i, item := range whole {
			if i < len(items) {
				hiddenTexts(item, items[i], found)
			}
		}
	case string:
		switch shown {
		case whole:
		case secret.Mask:
			*found = append(*found, whole)
		default:
			for _, m := range urlPassword.FindAllStringSubmatch(whole, -1) {
				*found = append(*found, m[2])
			}
			for _, m := range settingPassword.FindAllStringSubmatch(whole, -1) {
				*found = append(*found, m[2])
			}
		}
	}
}
