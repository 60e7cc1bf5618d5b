package main

import "testing"

func TestWorthTidying(t *testing.T) {
	const mb = 1 << 20
	tests := []struct {
		name              string
		now, last, tidied memory
		want              bool
	}{
		{"after a storm of logins", memory{900 * mb, 75 * mb, 150 * mb}, memory{899 * mb, 75 * mb, 150 * mb}, memory{}, true},
		{"in the storm", memory{900 * mb, 75 * mb, 150 * mb}, memory{700 * mb, 75 * mb, 150 * mb}, memory{}, false},
		{"nothing to gain", memory{900 * mb, 75 * mb, 80 * mb}, memory{899 * mb, 75 * mb, 80 * mb}, memory{}, false},
		{"tidied just now", memory{901 * mb, 75 * mb, 150 * mb}, memory{900 * mb, 75 * mb, 150 * mb}, memory{allocated: 900 * mb}, false},
		{"small and fresh", memory{3 * mb, 1 * mb, 4 * mb}, memory{3 * mb, 1 * mb, 4 * mb}, memory{}, false},
	}
	for _, tt := range tests {
		if got := tt.now.worthTidying(tt.last, tt.tidied); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

func TestMemoryIsRead(t *testing.T) {
	if m := readMemory(); m.allocated == 0 || m.held == 0 {
		t.Errorf("the runtime tells %+v: are the names of the metrics right?", m)
	}
}
