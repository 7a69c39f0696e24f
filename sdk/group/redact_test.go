package group

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

// No way of printing what holds keys shows a seed.
func TestSecretsNeverShow(t *testing.T) {
	m := team().open(t, owner)
	holder := struct {
		m    *Membership
		keys []Key
		any  any
		held [Observer + 1][]Key
	}{m, m.Keys(Observer), *m, m.held}
	var texts []string
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%o", "%b"} {
		for _, value := range []any{m, *m, m.Keys(Owner), m.Keys(Owner)[0], holder, &holder, map[string]any{"m": m, "k": m.Keys(Observer)[0]}} {
			texts = append(texts, fmt.Sprintf(verb, value))
		}
	}
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "m", m, "value", *m, "keys", m.Keys(Owner), "holder", holder)
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "m", m, "value", *m, "keys", m.Keys(Owner), "holder", holder)
	encoded, err := json.Marshal(map[string]any{"keys": m.Keys(Owner), "one": m.Keys(Observer)[0]})
	if err != nil {
		t.Fatal(err)
	}
	texts = append(texts, log.String(), string(encoded))
	for _, text := range texts {
		for _, held := range m.held {
			for _, k := range held {
				part := k.seed()[:6]
				for _, form := range []string{string(part), hex.EncodeToString(part), strings.ToUpper(hex.EncodeToString(part)), strings.Trim(fmt.Sprint(part), "[]"), strings.Trim(fmt.Sprintf("%o", part), "[]")} {
					if strings.Contains(text, form) {
						t.Errorf("a seed of the %ss shows in: %.200s", k.Role, text)
					}
				}
			}
		}
	}
	if got := fmt.Sprintf("%v|%d|%x", m, *m, m.Keys(Owner)[0]); got != "owner@example.com, owner of group engineers|owner@example.com, owner of group engineers|owner key, generation 1" {
		t.Errorf("printed as %s", got)
	}
}
