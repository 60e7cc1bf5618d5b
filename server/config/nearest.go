package config

import "fmt"

// unknownSection says that there is no such section, and which may have been meant.
func (s *Set) unknownSection(name string) string {
	var names []string
	for _, sec := range s.sections {
		names = append(names, sec.name)
	}
	text := fmt.Sprintf("there is no section [%s]", name)
	if near := nearest(name, names); near != "" {
		text += fmt.Sprintf("; is [%s] meant?", near)
	}
	return text
}

// unknownKey says that a section has no such key, and which may have been meant, there or in another section.
func (s *Set) unknownKey(sec, key string) string {
	text := fmt.Sprintf("there is no setting %q in [%s]", key, sec)
	var keys []string
	for _, f := range s.section(sec).fields {
		keys = append(keys, f.key)
	}
	if near := nearest(key, keys); near != "" {
		return text + fmt.Sprintf("; is %s meant?", near)
	}
	for _, other := range s.sections {
		if other.field(key) != nil {
			return text + fmt.Sprintf("; [%s] has one", other.name)
		}
	}
	return text
}

// nearest returns the name that is the fewest edits away, or nothing where all are far.
func nearest(name string, names []string) string {
	best, least := "", max(2, len(name)/3)+1
	for _, n := range names {
		if d := distance(name, n); d < least {
			best, least = n, d
		}
	}
	return best
}

// distance is the Levenshtein distance: how many bytes are inserted, deleted or replaced to make b of a.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
