package process

import (
	"encoding/json"
	"time"
)

// state is what a Location remembers of its last reading, to find out whether
// anything changed.
type state struct {
	// Fingerprint is that of the pipeline; with another one nothing here counts.
	Fingerprint string `json:"f"`
	// Sources are by their key: a file, or a target that is read as a whole.
	Sources map[string]sourceState `json:"s,omitempty"`
}

// sourceState is what is known of one source. ETag and Hash are empty when it
// must be read again in any case.
type sourceState struct {
	ETag string `json:"e,omitempty"`
	Hash string `json:"h,omitempty"`
	// Size and Modified spare the reading of a local file, if it was at rest
	// when it was read.
	Size     int64 `json:"z,omitempty"`
	Modified int64 `json:"m,omitempty"`
	// Target is the target of the Location that the source belongs to.
	Target string `json:"t,omitempty"`
	// Keys are the location keys of the children; nil means the source's key.
	Keys []string `json:"k,omitempty"`
}

// keys are the location keys of the children of the source.
func (s sourceState) keys(source string) []string {
	if s.Keys == nil {
		return []string{source}
	}
	return s.Keys
}

// rest is how long a file must not have changed before its size and time
// are believed to tell whether it did: clocks of file systems are coarse.
const rest = 2 * time.Second

func (p *Pipeline) loadState(data []byte, origin string) state {
	var s state
	if len(data) > 0 && (json.Unmarshal(data, &s) != nil || s.Fingerprint != p.fingerprint+" "+origin) {
		// Keys are still true: they name the children of a source that cannot
		// be read now. The rest was computed by another pipeline.
		for key, source := range s.Sources {
			s.Sources[key] = sourceState{Target: source.Target, Keys: source.Keys}
		}
	}
	if s.Sources == nil {
		s.Sources = map[string]sourceState{}
	}
	return s
}

func (p *Pipeline) saveState(sources map[string]sourceState, origin string) []byte {
	data, err := json.Marshal(state{Fingerprint: p.fingerprint + " " + origin, Sources: sources})
	if err != nil {
		return nil
	}
	return data
}
