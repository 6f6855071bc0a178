package service

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/notification"
	"github.com/stagedoor/stagedoor/notification/internal/store"
)

// Settings say what a user wants to hear of, by channel, origin and topic.
type Settings struct {
	Channels []ChannelSetting `json:"channels"`
}

// ChannelSetting is the part of one channel.
type ChannelSetting struct {
	ID string `json:"id"`
	// Enabled holds for origins that are not named; nil means yes.
	Enabled *bool           `json:"enabled,omitempty"`
	Origins []OriginSetting `json:"origins"`
}

// OriginSetting is the part of one sender.
type OriginSetting struct {
	ID      string         `json:"id"`
	Enabled bool           `json:"enabled"`
	Topics  []TopicSetting `json:"topics"`
}

// TopicSetting is the part of one topic.
type TopicSetting struct {
	ID      string `json:"id"`
	Enabled bool   `json:"enabled"`
}

func channelOf(s Settings, id string) (ChannelSetting, bool) {
	i := slices.IndexFunc(s.Channels, func(c ChannelSetting) bool { return strings.EqualFold(c.ID, id) })
	if i < 0 {
		return ChannelSetting{}, false
	}
	return s.Channels[i], true
}

func originOf(c ChannelSetting, id string) (OriginSetting, bool) {
	i := slices.IndexFunc(c.Origins, func(o OriginSetting) bool { return strings.EqualFold(o.ID, id) })
	if i < 0 {
		return OriginSetting{}, false
	}
	return c.Origins[i], true
}

func topicOf(o OriginSetting, id string) (TopicSetting, bool) {
	i := slices.IndexFunc(o.Topics, func(t TopicSetting) bool { return strings.EqualFold(t.ID, id) })
	if i < 0 {
		return TopicSetting{}, false
	}
	return o.Topics[i], true
}

func either(first, second *bool) *bool {
	if first != nil {
		return first
	}
	return second
}

func yes(b *bool) bool { return b == nil || *b }

// wants reports whether a user wants messages of the topic, which may be
// empty, from the origin: the most exact of the user's settings decides, then
// the defaults.
func wants(own, defaults Settings, channel, origin, topic string) bool {
	mine, _ := channelOf(own, channel)
	given, _ := channelOf(defaults, channel)
	enabled := yes(either(mine.Enabled, given.Enabled))
	o, ok := originOf(mine, origin)
	if !ok && enabled {
		o, ok = originOf(given, origin)
	}
	if !ok {
		return enabled
	}
	if t, ok := topicOf(o, topic); ok && topic != "" {
		return t.Enabled
	}
	return o.Enabled
}

// willing leaves out the users who do not want the message.
func (s *Service) willing(ctx context.Context, users []string, m notification.Message) ([]string, error) {
	stored, err := s.Store.Settings(ctx, users)
	if err != nil {
		return nil, err
	}
	defaults := s.Defaults()
	var out []string
	for _, user := range users {
		var own Settings
		if raw, ok := stored[user]; ok {
			if err := json.Unmarshal(raw, &own); err != nil {
				return nil, fmt.Errorf("decode notification settings of %s: %w", user, err)
			}
		}
		if wants(own, defaults, Web, m.Origin, m.Payload.Topic) {
			out = append(out, user)
		}
	}
	return out, nil
}

// Settings returns what holds for the user, for every origin and topic that
// the user has heard of or the defaults name.
func (s *Service) Settings(ctx context.Context, user string) (Settings, error) {
	sources, err := s.Store.Sources(ctx, user)
	if err != nil {
		return Settings{}, err
	}
	stored, err := s.Store.Settings(ctx, []string{user})
	if err != nil {
		return Settings{}, err
	}
	var own Settings
	if raw, ok := stored[user]; ok {
		if err := json.Unmarshal(raw, &own); err != nil {
			return Settings{}, fmt.Errorf("decode notification settings of %s: %w", user, err)
		}
	}
	return effective(own, s.Defaults(), sources), nil
}

func effective(own, defaults Settings, sources []store.Source) Settings {
	channels := []string{Web}
	for _, c := range defaults.Channels {
		if !slices.ContainsFunc(channels, func(id string) bool { return strings.EqualFold(id, c.ID) }) {
			channels = append(channels, c.ID)
		}
	}
	// What the user has decided stays in sight when the last notification of
	// that sort is gone.
	for _, s := range []Settings{own, defaults} {
		for _, c := range s.Channels {
			for _, o := range c.Origins {
				sources = append(sources, store.Source{Origin: o.ID})
				for _, t := range o.Topics {
					sources = append(sources, store.Source{Origin: o.ID, Topic: t.ID})
				}
			}
		}
	}
	out := Settings{Channels: make([]ChannelSetting, len(channels))}
	for i, id := range channels {
		out.Channels[i] = effectiveChannel(own, defaults, id, sources)
	}
	return out
}

func effectiveChannel(own, defaults Settings, id string, sources []store.Source) ChannelSetting {
	mine, _ := channelOf(own, id)
	given, _ := channelOf(defaults, id)
	c := ChannelSetting{ID: id, Enabled: either(mine.Enabled, given.Enabled), Origins: []OriginSetting{}}
	at := map[string]int{}
	for _, src := range sources {
		i, ok := at[strings.ToLower(src.Origin)]
		if !ok {
			i = len(c.Origins)
			at[strings.ToLower(src.Origin)] = i
			c.Origins = append(c.Origins, OriginSetting{ID: src.Origin, Enabled: wants(own, defaults, id, src.Origin, ""), Topics: []TopicSetting{}})
		}
		o := &c.Origins[i]
		if _, ok := topicOf(*o, src.Topic); !ok && src.Topic != "" {
			o.Topics = append(o.Topics, TopicSetting{src.Topic, wants(own, defaults, id, src.Origin, src.Topic)})
		}
	}
	return c
}

const maxSettings = 64 << 10 // bytes

// SaveSettings replaces the user's settings and returns what holds now. It
// returns an error with code invalid for a channel that there is not.
func (s *Service) SaveSettings(ctx context.Context, user string, settings Settings) (Settings, error) {
	known := effective(Settings{}, s.Defaults(), nil)
	for _, c := range settings.Channels {
		if _, ok := channelOf(known, c.ID); !ok {
			return Settings{}, fault.New(fault.Invalid, "Invalid channel")
		}
	}
	body, err := json.Marshal(settings)
	if err != nil {
		return Settings{}, fmt.Errorf("encode notification settings of %s: %w", user, err)
	}
	if len(body) > maxSettings {
		return Settings{}, fault.Newf(fault.TooLarge, "notification settings may have %d bytes", maxSettings)
	}
	if err := s.Store.SaveSettings(ctx, user, body); err != nil {
		return Settings{}, err
	}
	return s.Settings(ctx, user)
}
