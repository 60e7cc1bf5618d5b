package registry

import (
	"testing"
	"unicode"

	"pgregory.net/rapid"
)

func TestFold(t *testing.T) {
	for _, pair := range [][2]string{
		{"SN", "sn"}, {"Göteborg", "GO\u0308TEBORG"}, {"\u212a", "k"}, {"ΣΊΣΥΦΟΣ", "σίσυφος"}, {"ꭰ", "Ꭰ"},
	} {
		if a, b := Fold(pair[0]), Fold(pair[1]); a != b {
			t.Errorf("%q folds to %q and %q to %q", pair[0], a, pair[1], b)
		}
	}
	for _, pair := range [][2]string{{"ı", "i"}, {"a", "å"}, {"0", "O"}} {
		if Fold(pair[0]) == Fold(pair[1]) {
			t.Errorf("%q and %q fold to the same", pair[0], pair[1])
		}
	}
}

// All runes that differ in case only have the same fold, which folds to itself.
func TestFoldRune(t *testing.T) {
	for r := rune(0); r <= unicode.MaxRune; r++ {
		f := foldRune(r)
		if next := foldRune(unicode.SimpleFold(r)); next != f {
			t.Errorf("%U folds to %U and %U to %U", r, f, unicode.SimpleFold(r), next)
		}
		if foldRune(f) != f {
			t.Errorf("%U folds to %U and then to %U", r, f, foldRune(f))
		}
	}
}

func TestFoldIsStable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.String().Draw(t, "s")
		if once := Fold(s); Fold(once) != once {
			t.Fatalf("%q folds to %q and then to %q", s, once, Fold(once))
		}
	})
}
