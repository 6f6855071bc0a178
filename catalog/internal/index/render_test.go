package index

import (
	"encoding/json"
	"math/rand/v2"
	"testing"
)

// TestAppendString_IsReadBackAsItWas compares with the standard decoder over
// texts in which every byte that matters stands at every place of a word.
func TestAppendString_IsReadBackAsItWas(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	odd := []string{`"`, `\`, "\n", "\t", "\r", "\x00", "\x1f", " ", "\x7f", "é", "サ", "🚀", "!", "#", "[", "]", "@", "~"}
	for range 20_000 {
		text := ""
		for range random.IntN(28) {
			if random.IntN(6) == 0 {
				text += odd[random.IntN(len(odd))]
			} else {
				text += string(rune('a' + random.IntN(26)))
			}
		}
		rendered := appendString(nil, []byte(text))
		var back string
		if err := json.Unmarshal(rendered, &back); err != nil || back != text {
			t.Fatalf("%q is rendered as %s and read back as %q (%v)", text, rendered, back, err)
		}
	}
}
