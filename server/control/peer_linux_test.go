package control

import "testing"

func TestAllow(t *testing.T) {
	for _, c := range []struct {
		uid, own int
		want     bool
	}{
		{1000, 1000, true},
		{0, 1000, true},
		{1001, 1000, false},
		{1000, 0, false},
	} {
		if err := allow(c.uid, c.own); (err == nil) != c.want {
			t.Errorf("user %d at the broker of %d: %v", c.uid, c.own, err)
		}
	}
}
